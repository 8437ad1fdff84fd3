import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { MailEvent } from "@postbus/contracts";
import { logLine } from "../src/log-line.ts";
import { span } from "../src/log-style.ts";
import { datestamp, logTime } from "../src/log-time.ts";
import { rejectLines } from "../src/reject-lines.ts";
import { defaultStyle } from "./default-style.ts";

const styled = (...selectors: string[]) => ({
  ...defaultStyle,
  timeZone: "UTC",
  selectors: new Set([...defaultStyle.selectors, ...selectors]),
});

const atMs = Date.UTC(2026, 10, 21, 1, 40, 30, 725);
const messageId = "1xUa5e-000000003Ub-30V6";
const common = { v: 1 as const, id: "e", atMs, service: "test", messageId };
const attempt = {
  ...common,
  recipient: "u9@rem.test",
  returnPath: "s@c.test",
  router: "rem",
  transport: "smtp",
  host: "mx.rem.test",
  hostAddress: "192.0.2.25",
  hostPort: 25,
};

/** Each line without its time; as exim-4.98 has written it for such a message, with `log_selector = +all`. */
const arrived = {
  ...common,
  ...{ name: "msg:received" as const, returnPath: "s@c.test", recipients: ["u1@rem.test"] },
  reception: { protocol: "esmtp", size: 202 },
};

const cases: readonly {
  readonly name: string;
  readonly event: MailEvent;
  readonly on?: readonly string[];
  readonly want: string;
}[] = [
  {
    name: "arrival, with what SPF says (Exim 4.98)",
    event: { ...arrived, facts: { spf: { result: "softfail", domain: "c.test" } } },
    on: ["spf", "spf_verbose"],
    want: "<= s@c.test P=esmtp SPF=softfail S=202",
  },
  {
    name: "arrival that SPF lets pass",
    event: { ...arrived, facts: { spf: { result: "pass", domain: "c.test" } } },
    on: ["spf"],
    want: "<= s@c.test P=esmtp SPF S=202",
  },
  {
    name: "arrival that SPF does not let pass, where only those that it does are told",
    event: { ...arrived, facts: { spf: { result: "fail", domain: "c.test" } } },
    on: ["spf"],
    want: "<= s@c.test P=esmtp S=202",
  },
  {
    name: "a report: its Message-ID is ours",
    event: {
      ...common,
      name: "msg:received",
      returnPath: "",
      recipients: ["s@x.test"],
      reception: { protocol: "local", about: "1xXNqf-000000008Bo-3xce", headerMessageId: "E1@mx.test", size: 1780 },
    },
    on: ["msg_id_created"],
    want: `<= <> R=1xXNqf-000000008Bo-3xce P=local S=1780 id*=E1@mx.test`,
  },
  {
    name: "arrival, with everything",
    event: {
      ...common,
      name: "msg:received",
      returnPath: "s@c.test",
      recipients: ["u1@rem.test", "u2@rem.test"],
      clientName: "client.test",
      localAddress: "192.0.2.2",
      localPort: 25,
      connectionId: "77",
      pipelining: "L-",
      bodyBits: 8,
      tookMs: 2,
      subject: 'a "b"',
      authenticatedSender: "real@c.test",
      reception: {
        protocol: "esmtpsa",
        clientAddress: "192.0.2.1",
        clientPort: 40_000,
        helo: "c.test",
        cipher: "TLS1.3:X:256",
        certificateVerified: true,
        peerName: "CN=client",
        serverName: "mx.test",
        authenticator: "plain",
        authenticatedId: "ann",
        headerMessageId: "one@c.test",
        size: 261,
      },
    },
    on: [
      "incoming_port",
      "tls_peerdn",
      "tls_sni",
      "smtp_mailauth",
      "received_sender",
      "received_recipients",
      "millisec",
    ],
    want:
      "<= s@c.test H=client.test (c.test) [192.0.2.1]:40000 I=[192.0.2.2]:25 Ci=77 P=esmtpsa L- X=TLS1.3:X:256 CV=yes " +
      'DN="CN=client" SNI=mx.test A=plain:ann:real@c.test S=261 M8S=8 RT=0.002s id=one@c.test T="a \\"b\\"" ' +
      "from <s@c.test> for u1@rem.test u2@rem.test",
  },
  {
    name: "a TLS session that was resumed",
    event: { ...arrived, isResumed: true, reception: { protocol: "esmtps", cipher: "TLS1.3:X:256", size: 2 } },
    want: "<= s@c.test P=esmtps X=TLS1.3:X:256* S=2",
  },
  {
    name: "a client whose name is the one that it gives",
    event: {
      ...common,
      name: "msg:received",
      returnPath: "",
      recipients: [],
      clientName: "C.test",
      reception: { protocol: "smtp", clientAddress: "192.0.2.1", helo: "c.test", size: 1 },
    },
    want: "<= <> H=C.test [192.0.2.1] P=smtp S=1",
  },
  ...(
    [
      ["an author who is proved", "pass", "reject", ["dmarc"], " DMARC"],
      ["an author who is not", "fail", "quarantine", ["dmarc"], ""],
      ["an author who is proved, in words", "pass", "reject", ["dmarc_verbose"], " DMARC=accept"],
      ["an author who is not, in words", "fail", "quarantine", ["dmarc", "dmarc_verbose"], " DMARC=quarantine"],
      ["an author who publishes nothing", "none", undefined, ["dmarc_verbose"], " DMARC=norecord"],
      ["an author, unselected", "pass", "reject", [], ""],
    ] as const
  ).map(([name, result, policy, on, shown]) => ({
    name,
    on,
    event: {
      ...common,
      name: "msg:received" as const,
      returnPath: "",
      recipients: [],
      facts: { dmarc: { result, domain: "c.test", ...(policy === undefined ? {} : { policy }) } },
      reception: { protocol: "smtp", clientAddress: "192.0.2.1", helo: "c.test", size: 1 },
    },
    want: `<= <> H=(c.test) [192.0.2.1] P=smtp S=1${shown}`,
  })),
  {
    name: "delivery, with everything",
    event: {
      ...attempt,
      name: "msg:delivery",
      parents: ["al@a2.test", "al2@a2.test"],
      errorsTo: "owner@a2.test",
      localAddress: "192.0.2.2",
      localPort: 44_766,
      reused: true,
      cipher: "TLS1.3:X:256",
      certificateVerified: false,
      peerName: "CN=mx",
      authenticator: "login",
      authenticatedId: "us",
      isPipelined: true,
      isPrdr: true,
      isChunked: true,
      sentOctets: 275,
      queuedMs: 82,
      tookMs: 61,
      confirmation: '250 OK "q"',
    },
    on: [
      ...[
        "all_parents",
        "sender_on_delivery",
        "return_path_on_delivery",
        "delivery_size",
        "outgoing_port",
        "tls_peerdn",
      ],
      ...["pipelining", "queue_time", "deliver_time", "millisec"],
    ],
    want:
      "=> u9@rem.test (al@a2.test) <al2@a2.test> F=<s@c.test> P=<owner@a2.test> R=rem T=smtp S=275 H=mx.rem.test " +
      '[192.0.2.25]:25* I=[192.0.2.2]:44766 X=TLS1.3:X:256 CV=no DN="CN=mx" A=login:us L PRDR K C="250 OK \\"q\\"" ' +
      "QT=0.082s DT=0.061s",
  },
  {
    name: "delivery, to a host that the DNS vouches for (Exim 4.98), and how the session came about (Exim 4.100)",
    event: { ...attempt, name: "msg:delivery", isHostSigned: true, steps: "ese", cipher: "TLS1.3:X:256" },
    on: ["outgoing_port"],
    want: "=> u9@rem.test R=rem T=smtp H=mx.rem.test DS [192.0.2.25]:25 PS=ese X=TLS1.3:X:256",
  },
  {
    name: "delivery, over a TLS session that was resumed (Exim 4.98)",
    event: { ...attempt, name: "msg:delivery", isResumed: true, cipher: "TLS1.3:X:256", certificateVerified: true },
    want: "=> u9@rem.test R=rem T=smtp H=mx.rem.test [192.0.2.25] X=TLS1.3:X:256* CV=yes",
  },
  {
    name: "failure, to the same",
    event: { ...attempt, name: "msg:fail:delivery", isHostSigned: true, steps: "e", text: "550 no" },
    want: "** u9@rem.test R=rem T=smtp H=mx.rem.test DS [192.0.2.25] PS=e: 550 no",
  },
  {
    name: "deferral, through a proxy (Exim 4.98)",
    event: {
      ...{ ...attempt, name: "msg:defer" as const, errno: -18, text: "closed", nextTryAtMs: 0, isHostSigned: true },
      ...{ proxyAddress: "192.0.2.9", proxyPort: 1080, localAddress: "192.0.2.2", localPort: 44_766 },
    },
    on: ["outgoing_port"],
    want:
      "== u9@rem.test R=rem T=smtp defer (-18) H=mx.rem.test DS [192.0.2.25]:25 PRX=[192.0.2.9]:1080 " +
      "I=[192.0.2.2]:44766: closed",
  },
  {
    name: "a proxy's port is shown with the host's only",
    event: { ...attempt, name: "msg:delivery", proxyAddress: "192.0.2.9", proxyPort: 1080, reused: true },
    want: "=> u9@rem.test R=rem T=smtp H=mx.rem.test [192.0.2.25]* PRX=[192.0.2.9]",
  },
  {
    name: "of parents, by default only the first address",
    event: { ...attempt, name: "msg:delivery", parents: ["al@a2.test", "al2@a2.test"] },
    want: "=> u9@rem.test <al2@a2.test> R=rem T=smtp H=mx.rem.test [192.0.2.25]",
  },
  {
    name: "a pipe shows what it was made of",
    event: {
      ...common,
      name: "msg:delivery",
      recipient: "|/bin/cat",
      returnPath: "",
      parents: ["b@a2.test", "c@a2.test"],
      router: "aliases",
      transport: "address_pipe",
    },
    want: "=> |/bin/cat (b@a2.test) <c@a2.test> R=aliases T=address_pipe",
  },
  {
    name: "shadow transport, and the hosts of a local one",
    event: {
      ...common,
      name: "msg:delivery",
      recipient: "b@a2.test",
      returnPath: "",
      router: "local",
      transport: "lmtp",
      hostText: "store1",
      shadow: "copy (failed)",
    },
    want: "=> b <b@a2.test> R=local T=lmtp H=store1 ST=copy (failed)",
  },
  {
    name: "deferral: the time stands before the text",
    event: {
      ...attempt,
      name: "msg:defer",
      errno: -44,
      text: "SMTP error from remote mail server after RCPT TO:<u9@rem.test>: 450 4.2.0 later",
      nextTryAtMs: 0,
      tookMs: 0,
      localAddress: "192.0.2.2",
      localPort: 44_766,
    },
    on: ["outgoing_port", "deliver_time", "millisec"],
    want:
      "== u9@rem.test R=rem T=smtp defer (-44) H=mx.rem.test [192.0.2.25]:25 I=[192.0.2.2]:44766 DT=0.000s: " +
      "SMTP error from remote mail server after RCPT TO:<u9@rem.test>: 450 4.2.0 later",
  },
  {
    name: "failure: the time stands at the end",
    event: { ...attempt, name: "msg:fail:delivery", text: "550 no", tookMs: 0 },
    on: ["sender_on_delivery", "return_path_on_delivery", "deliver_time", "millisec"],
    want: "** u9@rem.test F=<s@c.test> P=<s@c.test> R=rem T=smtp H=mx.rem.test [192.0.2.25]: 550 no DT=0.000s",
  },
  {
    name: "failure of a router: nothing was delivered, so there is no return path",
    event: {
      ...common,
      name: "msg:fail:delivery",
      recipient: "f0@a2.test",
      returnPath: "s@c.test",
      router: "alias",
      text: "no",
    },
    on: ["sender_on_delivery", "return_path_on_delivery"],
    want: "** f0@a2.test F=<s@c.test> R=alias: no",
  },
  {
    name: "the whole time in the queue",
    event: { ...common, name: "msg:complete", queuedMs: 3_723_000 },
    want: "Completed QT=1h2m3s",
  },
];

const rejected = {
  v: 1 as const,
  id: "r",
  atMs,
  service: "test",
  name: "smtp:reject" as const,
  messageId,
  clientAddress: "192.0.2.1",
  returnPath: "s@c.test",
  text: "rejected after DATA: spam",
  details: "Envelope-from: <s@c.test>\nF From: <s@c.test>\n  Subject: \x1b[31m\n\tmore\n",
};

describe("what selectors add to lines", () => {
  // As with exim-4.100.
  for (const [selectors, spf, want] of [
    [["spf_verbose"], "fail", " SPF=fail"],
    [["spf"], "pass", " SPF"],
    [["spf"], "fail", ""],
    [[], "pass", ""],
  ] as const) {
    test(`a refusal with [${selectors.join()}] and ${spf}`, () => {
      const client = { clientAddress: "192.0.2.66", clientPort: 1 };
      const text = "rejected RCPT <c@d.ex>: no";
      const event = { ...common, name: "smtp:reject", ...client, returnPath: "a@b.ex", spf, text } as const;
      const line = logLine(event, styled(...selectors)) ?? "";
      assert.ok(line.endsWith(` F=<a@b.ex>${want} rejected RCPT <c@d.ex>: no\n`), line);
    });
  }

  for (const { name, event, on = [], want } of cases) {
    test(name, () => {
      const line = logLine(event, styled(...on));
      assert.equal(line.slice(line.indexOf(messageId) + messageId.length + 1), `${want}\n`);
    });
  }

  const fields: readonly (readonly [selector: string, event: MailEvent, field: string])[] = [
    ["smtp_confirmation", { ...attempt, name: "msg:delivery", confirmation: "250 ok" }, ' C="250 ok"'],
    ["tls_cipher", { ...attempt, name: "msg:delivery", cipher: "TLS1.3:X:256" }, " X=TLS1.3:X:256"],
    [
      "retry_defer",
      { ...attempt, name: "msg:defer", errno: -51, text: "retry time not reached", nextTryAtMs: 0 },
      "==",
    ],
  ];
  for (const [selector, event, field] of fields) {
    test(`-${selector}`, () => {
      const selectors = new Set(defaultStyle.selectors);
      selectors.delete(selector);
      assert.ok(logLine(event, defaultStyle).includes(field));
      assert.ok(!logLine(event, { ...defaultStyle, selectors }).includes(field));
    });
  }

  test("a router with disable_logging leaves no line of its deliveries, and one of the message's end", () => {
    const style = { ...defaultStyle, isSilent: () => true };
    assert.equal(logLine({ ...attempt, name: "msg:delivery" }, style), "");
    assert.notEqual(logLine({ ...common, name: "msg:complete" }, style), "");
  });
});

describe("the beginning of a line", () => {
  const style = { ...styled("millisec", "pid"), showsZone: true };
  test("milliseconds, zone, process", () => {
    assert.equal(logTime(atMs, style), `2026-11-21 01:40:30.725 +0000 [${process.pid}]`);
  });
  const zones = [
    ["Europe/Vienna", "2026-11-21 02:40:30 +0100"],
    ["Asia/Kolkata", "2026-11-21 07:10:30 +0530"],
    ["America/St_Johns", "2026-11-20 22:10:30 -0330"],
    ["Nowhere/Land", "2026-11-21 01:40:30 +0000"],
  ] as const;
  for (const [timeZone, want] of zones) {
    test(timeZone, () => assert.equal(logTime(atMs, { ...styled(), timeZone, showsZone: true }), want));
  }
  test("names of files have the date of the zone", () => {
    assert.deepEqual([datestamp(atMs, "America/St_Johns", "D"), datestamp(atMs, "UTC", "M")], ["20261120", "202611"]);
  });
});

test("spans of time are as Exim writes them", () => {
  const [coarse, fine] = [styled(), styled("millisec")];
  assert.deepEqual(
    [0, 107, 5_107, 61_000, 694_861_000].map((ms) => span(ms, coarse)),
    ["0s", "0s", "5s", "1m1s", "1w1d1h1m1s"],
  );
  assert.deepEqual(
    [0, 107, 5_107].map((ms) => span(ms, fine)),
    ["0.000s", "0.107s", "5s"],
  );
});

describe("the rejectlog", () => {
  test("has envelope and header section behind the line, with an empty line behind them", () => {
    assert.equal(
      rejectLines(rejected, styled()).join(""),
      `2026-11-21 01:40:30 ${messageId} H=[192.0.2.1] F=<s@c.test> rejected after DATA: spam\n` +
        "Envelope-from: <s@c.test>\nF From: <s@c.test>\n  Subject: \\033[31m\n\tmore\n\n",
    );
  });
  test("says so where it has no more room", () => {
    const text = rejectLines({ ...rejected, details: "  X: y\n".repeat(5_000) }, styled()).join("");
    assert.match(text, /\n\*\*\* truncated \*\*\*\n\n$/);
    assert.ok(text.length < 8_300);
  });
  test("has no more than the line without rejected_header", () => {
    assert.equal(rejectLines(rejected, { ...styled(), selectors: new Set<string>() }).length, 1);
  });
  test("has what a policy sends there, and nothing else of it", () => {
    const line = { v: 1 as const, id: "l", atMs, service: "test", name: "log:line" as const, text: "note" };
    assert.deepEqual(rejectLines(line, styled()), []);
    assert.deepEqual(rejectLines({ ...line, targets: ["reject"] }, styled()), ["2026-11-21 01:40:30 note\n"]);
    assert.equal(logLine({ ...line, targets: ["reject"] }, styled()), "");
    assert.deepEqual(rejectLines({ ...rejected, targets: ["main"] }, styled()), []);
  });
});
