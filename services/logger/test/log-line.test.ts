import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { MailEvent } from "@postbus/contracts";
import fc from "fast-check";
import { logTime } from "../src/log-time.ts";
import { defaultStyle, defaultLine as logLine } from "./default-style.ts";

const id = "1vMhGf-0000000012a-0Ab3";
const atMs = new Date(2026, 10, 21, 1, 40, 30, 725).getTime();
const time = "2026-11-21 01:40:30";

const common = { v: 1 as const, id: "e1", atMs, service: "test" };
const reception = { protocol: "esmtp", size: 271 };
const received = {
  ...common,
  name: "msg:received" as const,
  messageId: id,
  returnPath: "s@a2.test",
  recipients: ["u1@rem.test"],
  reception,
};
const attempt = { ...common, messageId: id, recipient: "u1@rem.test", returnPath: "s@a2.test" };
const remote = {
  ...attempt,
  router: "smtp",
  transport: "smtp",
  host: "127.0.0.1",
  hostAddress: "127.0.0.1",
  hostPort: 2525,
};
const delivered = { ...remote, name: "msg:delivery" as const };
const deferred = { ...remote, name: "msg:defer" as const, nextTryAtMs: atMs + 900_000 };
const failed = { ...attempt, name: "msg:fail:delivery" as const };
const noted = { ...common, messageId: id };
const rejected = { ...common, name: "smtp:reject" as const, clientAddress: "192.0.2.66" };

/** Lines of Exim 4.96 to 4.100 with default selectors, as recorded in the specification. */
const cases: readonly { name: string; event: MailEvent; want: string }[] = [
  {
    name: "arrival by BDAT",
    event: { ...received, reception: { ...reception, isChunked: true } },
    want: `${id} <= s@a2.test P=esmtp K S=271`,
  },
  {
    name: "arrival by SMTP",
    event: {
      ...received,
      reception: {
        protocol: "esmtps",
        size: 4_321,
        clientAddress: "192.0.2.1",
        clientPort: 40_000,
        helo: "client.test",
        cipher: "TLS1.3:TLS_AES_256_GCM_SHA384:256",
        certificateVerified: false,
        headerMessageId: "20261121@client.test",
      },
      facts: {
        dkim: [
          { result: "fail", domain: "bad.test", selector: "s" },
          { result: "pass", domain: "a2.test", selector: "s" },
        ],
        arc: { result: "pass", instance: 1, oldestPass: 1, hops: [{ domain: "hop.test", selector: "s" }] },
      },
    },
    want: `${id} <= s@a2.test H=(client.test) [192.0.2.1] P=esmtps X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=no S=4321 DKIM=a2.test ARC id=20261121@client.test`,
  },
  {
    name: "arrival of a client with a certificate that we trust",
    event: {
      ...received,
      reception: { ...reception, protocol: "esmtps", cipher: "TLS1.3:x:256", certificateVerified: true },
    },
    want: `${id} <= s@a2.test P=esmtps X=TLS1.3:x:256 CV=yes S=271`,
  },
  {
    name: "a TLS handshake that failed",
    event: { ...rejected, helo: "c.test", ofHandshake: true, text: "(SSL_accept): wrong version\nnumber" },
    want: "TLS error on connection from (c.test) [192.0.2.66] (SSL_accept): wrong version\\nnumber",
  },
  {
    name: "a connection that was not taken",
    event: { ...rejected, ofConnection: true, text: "too many connections" },
    want: "Connection from [192.0.2.66] refused: too many connections",
  },
  {
    name: "arrival through a proxy, where log_selector asks for it",
    event: { ...received, reception: { ...reception, clientAddress: "192.0.2.1" }, proxyAddress: "10.1.2.3" },
    want: `${id} <= s@a2.test H=[192.0.2.1] P=esmtp PRX=10.1.2.3 S=271`,
  },
  {
    name: "arrival of a bounce that we made",
    event: {
      ...received,
      returnPath: "",
      reception: { protocol: "local", size: 900, about: "1vMhGf-0000000012a-0Ab2" },
    },
    want: `${id} <= <> R=1vMhGf-0000000012a-0Ab2 P=local S=900`,
  },
  {
    name: "its Message-ID, which we have made, only by a selector of its own (exim-4.98)",
    event: {
      ...received,
      returnPath: "",
      reception: { protocol: "local", size: 900, about: "1vMhGf-0000000012a-0Ab2", headerMessageId: "E1@mx.test" },
    },
    want: `${id} <= <> R=1vMhGf-0000000012a-0Ab2 P=local S=900`,
  },
  {
    name: "a client without HELO",
    event: { ...received, reception: { ...reception, clientAddress: "192.0.2.1" } },
    want: `${id} <= s@a2.test H=[192.0.2.1] P=esmtp S=271`,
  },
  {
    name: "HELO with the client's own address",
    event: { ...received, reception: { ...reception, clientAddress: "192.0.2.1", helo: "[192.0.2.1]" } },
    want: `${id} <= s@a2.test H=([192.0.2.1]) [192.0.2.1] P=esmtp S=271`,
  },
  {
    name: "HELO with the client's own address, whose name is known",
    event: {
      ...received,
      reception: { ...reception, clientAddress: "192.0.2.1", clientName: "c.test", helo: "[192.0.2.1]" },
    },
    want: `${id} <= s@a2.test H=c.test [192.0.2.1] P=esmtp S=271`,
  },
  {
    name: "HELO with another address",
    event: { ...received, reception: { ...reception, clientAddress: "2001:db8::1", helo: "[IPv6:2001:db8::2]" } },
    want: `${id} <= s@a2.test H=([IPv6:2001:db8::2]) [2001:db8::1] P=esmtp S=271`,
  },
  {
    name: "a Message-ID with blanks could pass for fields and is left out",
    event: { ...received, reception: { ...reception, headerMessageId: "x S=1 H=[1.2.3.4]" } },
    want: `${id} <= s@a2.test P=esmtp S=271`,
  },
  {
    name: "remote delivery, with the reply in quotes",
    event: { ...delivered, confirmation: '250 OK id=xyz123 "q"' },
    want: `${id} => u1@rem.test R=smtp T=smtp H=127.0.0.1 [127.0.0.1] C="250 OK id=xyz123 \\"q\\""`,
  },
  {
    name: "a reply of several lines",
    event: { ...delivered, confirmation: "250 PRDR R=0 ok\n250 OK final id=abc" },
    want: `${id} => u1@rem.test R=smtp T=smtp H=127.0.0.1 [127.0.0.1] C="250 PRDR R=0 ok\\\\n250 OK final id=abc"`,
  },
  {
    name: "further recipient over a connection that was used before, with TLS",
    event: {
      ...delivered,
      host: "mx.rem.test",
      further: true,
      reused: true,
      cipher: "TLS1.3:X:256",
      confirmation: "250 ok",
    },
    want: `${id} -> u1@rem.test R=smtp T=smtp H=mx.rem.test [127.0.0.1]* X=TLS1.3:X:256 C="250 ok"`,
  },
  {
    name: "a forwarded message: the return path by which its reports come back",
    event: { ...delivered, host: "mx.rem.test", srsSender: "SRS0=e6lT=JK=a.test=joe@f.test" },
    want: `${id} => u1@rem.test SRS=<SRS0=e6lT=JK=a.test=joe@f.test> R=smtp T=smtp H=mx.rem.test [127.0.0.1]`,
  },
  {
    name: "local delivery: the mailbox, and the address behind it",
    event: { ...attempt, name: "msg:delivery", recipient: "u1@a2.test", router: "local", transport: "maildir" },
    want: `${id} => u1 <u1@a2.test> R=local T=maildir`,
  },
  {
    name: "thrown away by a router",
    event: { ...attempt, name: "msg:delivery", recipient: "a@d.test", router: "sink" },
    want: `${id} => :blackhole: <a@d.test> R=sink`,
  },
  {
    name: "deferral by the operating system's error",
    event: { ...deferred, errno: 111, text: "Connection refused" },
    want: `${id} == u1@rem.test R=smtp T=smtp defer (111): Connection refused H=127.0.0.1 [127.0.0.1]`,
  },
  {
    name: "deferral without a host",
    event: {
      ...attempt,
      router: "smtp",
      transport: "smtp",
      name: "msg:defer",
      errno: 111,
      text: "Connection refused",
      nextTryAtMs: 0,
    },
    want: `${id} == u1@rem.test R=smtp T=smtp defer (111): Connection refused`,
  },
  {
    name: "deferral by a 4xx reply",
    event: {
      ...deferred,
      recipient: "d4@rem.test",
      errno: -44,
      text: "SMTP error from remote mail server after RCPT TO:<d4@rem.test>: 450 4.2.0 later",
    },
    want: `${id} == d4@rem.test R=smtp T=smtp defer (-44) H=127.0.0.1 [127.0.0.1]: SMTP error from remote mail server after RCPT TO:<d4@rem.test>: 450 4.2.0 later`,
  },
  {
    name: "routing put off",
    event: {
      ...attempt,
      recipient: "a@d.test",
      name: "msg:defer",
      errno: -52,
      text: "retry time not reached",
      nextTryAtMs: 0,
    },
    want: `${id} == a@d.test routing defer (-52): retry time not reached`,
  },
  {
    name: "deferral by a router",
    event: {
      ...attempt,
      recipient: "a@d.test",
      router: "dns",
      name: "msg:defer",
      errno: -1,
      text: "host lookup did not complete",
      nextTryAtMs: 0,
    },
    want: `${id} == a@d.test R=dns defer (-1): host lookup did not complete`,
  },
  {
    name: "failure by a router",
    event: { ...failed, recipient: "f1@a2.test", router: "r0", text: "no f1 here" },
    want: `${id} ** f1@a2.test R=r0: no f1 here`,
  },
  {
    name: "failure at the next hop",
    event: {
      ...failed,
      ...remote,
      name: "msg:fail:delivery",
      text: "SMTP error from remote mail server after RCPT TO:<u1@rem.test>: 550 no",
    },
    want: `${id} ** u1@rem.test R=smtp T=smtp H=127.0.0.1 [127.0.0.1]: SMTP error from remote mail server after RCPT TO:<u1@rem.test>: 550 no`,
  },
  {
    name: "unroutable",
    event: { ...failed, text: "Unrouteable address" },
    want: `${id} ** u1@rem.test: Unrouteable address`,
  },
  { name: "end", event: { ...noted, name: "msg:complete" }, want: `${id} Completed` },
  {
    name: "frozen",
    event: { ...noted, name: "msg:frozen", reason: "delivery error message" },
    want: `${id} Frozen (delivery error message)`,
  },
  {
    name: "frozen by hand",
    event: { ...noted, name: "msg:frozen", reason: "frozen by operator" },
    want: `${id} frozen by operator`,
  },
  {
    name: "note",
    event: { ...noted, name: "msg:note", text: "removed by operator" },
    want: `${id} removed by operator`,
  },
  {
    name: "refused recipient",
    event: {
      ...rejected,
      helo: "spam.test",
      returnPath: "x@spam.test",
      text: "rejected RCPT <a@b.test>: relay not permitted",
    },
    want: "H=(spam.test) [192.0.2.66] F=<x@spam.test> rejected RCPT <a@b.test>: relay not permitted",
  },
  {
    name: "refused recipient over TLS",
    event: {
      ...rejected,
      helo: "spam.test",
      tls: { cipher: "TLS1.3:C:256", certificateVerified: false, peerName: "/CN=c", serverName: "mx.test" },
      returnPath: "x@spam.test",
      text: "rejected RCPT <a@b.test>: no verified certificate",
    },
    want: "H=(spam.test) [192.0.2.66] X=TLS1.3:C:256 CV=no F=<x@spam.test> rejected RCPT <a@b.test>: no verified certificate",
  },
  {
    name: "refused null sender",
    event: { ...rejected, helo: "spam.test", returnPath: "", text: "rejected MAIL: no" },
    want: "H=(spam.test) [192.0.2.66] rejected MAIL: no",
  },
  {
    name: "refused recipient of a null sender",
    event: { ...rejected, helo: "spam.test", returnPath: "", text: "temporarily rejected RCPT <a@b>: no" },
    want: "H=(spam.test) [192.0.2.66] F=<> temporarily rejected RCPT <a@b>: no",
  },
  {
    name: "refused recipient of somebody who is known",
    event: {
      ...rejected,
      returnPath: "a@b",
      authenticator: "plain",
      authenticatedId: "ann",
      text: "rejected RCPT <c@d>",
    },
    want: "H=[192.0.2.66] F=<a@b> A=plain:ann rejected RCPT <c@d>",
  },
  {
    name: "refused connection",
    event: { ...rejected, text: "refused connection" },
    want: "H=[192.0.2.66] refused connection",
  },
  {
    name: "control characters are escaped, not obeyed",
    event: { ...noted, name: "msg:note", text: `a\r\n${time} ${id} => forged@x.test\t\x07\x7f` },
    want: `${id} a\\r\\n${time} ${id} => forged@x.test\\t\\007\\177`,
  },
  {
    name: "UTF-8 stays, other octets are escaped",
    event: { ...noted, name: "msg:note", text: "m\xc3\xbcller m\xfcller \xc2\x9b31m" },
    want: `${id} m\xc3\xbcller m\\374ller \\302\\23331m`,
  },
  {
    name: "text that is not octets is written as UTF-8, and cannot become a control character",
    event: { ...noted, name: "msg:note", text: "\u010a \u20ac" },
    want: `${id} \xc4\x8a \xe2\x82\xac`,
  },
];

describe("logLine", () => {
  test("why the policy has decided so is nothing of the log's", () => {
    const policyVersion = "0123456789abcdef";
    const decided = { ...common, messageId: id, name: "msg:decided" as const, policyVersion };
    assert.equal(logLine({ ...decided, outcome: "refused", stages: [] }), "");
  });

  for (const { name, event, want } of cases) {
    test(name, () => assert.equal(logLine(event), `${time} ${want}\n`));
  }

  test("whatever the strings hold, it is one line of octets with time and id in their places", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.uint8Array().map((octets) => Buffer.from(octets).toString("latin1")),
    );
    fc.assert(
      fc.property(fc.constantFrom(...cases.map(({ event }) => event)), text, (event, noise) => {
        const noisy = JSON.parse(JSON.stringify(event), (key, value: unknown) =>
          ["text", "recipient", "returnPath", "helo", "headerMessageId", "confirmation", "reason", "domain"].includes(
            key,
          )
            ? noise
            : value,
        ) as MailEvent;
        assert.match(logLine(noisy), /^2026-11-21 01:40:30 [\x20-\x7e\x80-\xff]+\n$/);
      }),
    );
  });

  test("a reply is cut where Exim cuts it", () => {
    const line = logLine({ ...delivered, confirmation: "x".repeat(5_000) });
    assert.equal(/C="(x*)"\n$/.exec(line)?.[1]?.length, 1_024);
  });
});

test("logTime is local time, to the second, also when the seconds do not come in order", () => {
  const at = (second: number): number => new Date(2026, 1, 3, 4, 5, second, 999).getTime();
  assert.deepEqual(
    [6, 7, 6].map((second) => logTime(at(second), defaultStyle)),
    ["2026-02-03 04:05:06", "2026-02-03 04:05:07", "2026-02-03 04:05:06"],
  );
});
