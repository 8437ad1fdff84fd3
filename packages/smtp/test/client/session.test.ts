import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { ClientSessionOptions } from "../../src/client/client-session-options.ts";
import type { Loss } from "../../src/client/error-text.ts";
import { ClientSession } from "../../src/client/session.ts";
import type { RecipientResult, Step, Transaction } from "../../src/client/transaction.ts";

const EHLO = "250-peer\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250 8BITMIME\r\n";
const PLAIN_EHLO = "250 peer\r\n";

const message: Transaction = { returnPath: "s@a.test", recipients: ["r@b.test"], size: 420, eightBit: false };
const three: Transaction = { ...message, recipients: ["a@b.test", "b@b.test", "c@b.test"] };

/** A session and a peer that says what it was told to; what went out is in `sent`, results as text in `log`. */
class Talk {
  readonly session: ClientSession;
  sent = "";
  readonly log: string[] = [];
  readonly results: RecipientResult[][] = [];
  isUnanswered: boolean | undefined;

  constructor(options: Partial<ClientSessionOptions> = {}) {
    this.session = new ClientSession({ heloName: "me", host: "mx [192.0.2.1]", tls: "offered", ...options });
  }

  /** The peer's octets, cut at the given places. */
  says(octets: string, cuts: readonly number[] = []): this {
    const at = [...new Set(cuts.map((cut) => Math.min(cut, octets.length)))].sort((a, b) => a - b);
    for (const [i, end] of [...at, octets.length].entries()) {
      this.#take(this.session.receive(Buffer.from(octets.slice(i === 0 ? 0 : at[i - 1], end), "latin1")));
    }
    return this;
  }

  offer(transaction: Transaction): this {
    this.#take(this.session.begin(transaction));
    return this;
  }

  /** @returns whether the session could do that. */
  offerBehind(transaction: Transaction): boolean {
    const steps = this.session.follow(transaction);
    this.#take(steps ?? []);
    return steps !== undefined;
  }

  contentSent(octets = 420): this {
    this.session.contentSent(octets);
    return this;
  }

  loses(loss: Loss): this {
    this.#take(this.session.lost(loss));
    return this;
  }

  tls(): this {
    this.#take(this.session.tlsStarted());
    return this;
  }

  /** Greeting and EHLO. */
  static open(ehlo = EHLO, options: Partial<ClientSessionOptions> = {}): Talk {
    const talk = new Talk(options).says(`220 hi\r\n`).says(ehlo);
    talk.sent = "";
    return talk;
  }

  #take(steps: readonly Step[]): void {
    for (const step of steps) {
      if (step.do === "write") this.sent += step.octets;
      else if (step.do === "fail") {
        const { errno, text, isPermanent, isTls } = step.failure;
        this.log.push(`fail (${errno}) ${text}${isPermanent ? " [permanent]" : ""}${isTls ? " [tls]" : ""}`);
      } else if (step.do === "finish") {
        this.results.push([...step.result.recipients]);
        this.isUnanswered = step.result.isUnanswered;
        this.log.push(`finish ${step.result.trouble?.kind ?? "well"}`);
      } else this.log.push(step.do);
    }
  }
}

/** One word for a recipient's end. */
function ends(talk: Talk): string[] {
  return (talk.results.at(-1) ?? []).map((end) => {
    if (end.outcome === "delivered") return `delivered ${end.confirmation}`;
    if (end.outcome === "deferred") return `deferred (${end.errno}) ${end.text}`;
    if (end.outcome === "failed") return `failed ${end.text}`;
    return end.outcome;
  });
}

const MAIL = "MAIL FROM:<s@a.test> SIZE=1444";
const AFTER = "SMTP error from remote mail server after";

describe("opening a session", () => {
  const cases = [
    { name: "greeting and EHLO", peer: ["220 hi\r\n", EHLO], want: "ready" },
    { name: "a greeting of several lines", peer: ["220-hi\r\n220 there\r\n", EHLO], want: "ready" },
    {
      name: "a temporary greeting",
      peer: ["421 busy\r\n"],
      want: `fail (0) ${AFTER} initial connection: 421 busy`,
    },
    {
      name: "a final greeting",
      peer: ["554-no\r\n554 mail here\r\n"],
      want: `fail (0) ${AFTER} initial connection: 554-no\\n554 mail here [permanent]`,
    },
    { name: "EHLO unknown, HELO taken", peer: ["220 hi\r\n", "502 what\r\n", "250 me too\r\n"], want: "ready" },
    {
      name: "neither EHLO nor HELO",
      peer: ["220 hi\r\n", "550 no\r\n", "550 never\r\n"],
      want: `fail (0) ${AFTER} HELO me: 550 never [permanent]`,
    },
    {
      name: "421 to EHLO is no invitation to HELO",
      peer: ["220 hi\r\n", "421 bye\r\n"],
      want: `fail (0) ${AFTER} EHLO me: 421 bye`,
    },
    {
      name: "not SMTP",
      peer: ["SSH-2.0-OpenSSH\r\n"],
      want: "fail (-19) Malformed SMTP reply in response to initial connection: SSH-2.0-OpenSSH",
    },
    {
      name: "an empty line",
      peer: ["\r\n"],
      want: "fail (-19) Malformed SMTP reply (an empty line) in response to initial connection",
    },
    {
      name: "a greeting of a megabyte",
      peer: [`220 ${"x".repeat(1_000_000)}`],
      want: /^fail \(-19\) Malformed SMTP reply in response to initial connection: 220 x{508}$/,
    },
  ] as const;

  for (const { name, peer, want } of cases) {
    test(name, () => {
      const talk = new Talk();
      for (const octets of peer) talk.says(octets);
      if (typeof want === "string") assert.deepEqual(talk.log, [want]);
      else assert.match(talk.log.join(), want);
    });
  }

  const HELLO = "220 hi\r\n250-peer\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n";
  const told: readonly [steps: string, options: Partial<ClientSessionOptions>, talk: (talk: Talk) => Talk][] = [
    ["", {}, (talk) => talk.says("554 no\r\n")],
    ["e", { tls: "never" }, (talk) => talk.says(HELLO)],
    ["eh", {}, (talk) => talk.says("220 hi\r\n500 what\r\n250 peer\r\n")],
    ["h", { avoidsEsmtp: true }, (talk) => talk.says("220 hi\r\n250 peer\r\n")],
    ["l", { isLmtp: true }, (talk) => talk.says("220 hi\r\n250 peer\r\n")],
    ["ese", {}, (talk) => talk.says(HELLO).says("220 go\r\n").tls().says("250 peer\r\n")],
    ["es", {}, (talk) => talk.says(HELLO).says("454 later\r\n")],
    ["se", { startsWithTls: true }, (talk) => talk.tls().says("220 hi\r\n250 peer\r\n")],
    ["ea", { tls: "never", auth: "try" }, (talk) => talk.says(HELLO)],
  ];
  for (const [steps, options, talk] of told) {
    test(`how the session came about is told: ${steps || "nothing"}`, () => {
      assert.equal(talk(new Talk(options)).session.steps, steps);
    });
  }

  test("the peer closes before its greeting", () => {
    const talk = new Talk().loses({ kind: "closed" });
    assert.deepEqual(talk.log, ["fail (-18) Remote host closed connection in response to initial connection"]);
  });

  test("the peer closes after it has refused EHLO: its words are told", () => {
    const talk = new Talk().says("220 hi\r\n").says("550 go away\r\n").loses({ kind: "closed" });
    assert.deepEqual(talk.log, [
      "fail (-18) Remote host closed connection in response to HELO me (EHLO response was: 550 go away)",
    ]);
  });

  test("no greeting in time", () => {
    const talk = new Talk().loses({ kind: "timeout" });
    assert.deepEqual(talk.log, ["fail (110) SMTP timeout after initial connection"]);
  });
});

describe("STARTTLS", () => {
  const offered = "250-peer\r\n250-PIPELINING\r\n250 STARTTLS\r\n";

  test("offered: TLS, then EHLO again, and what was offered in clear text is forgotten", () => {
    const talk = new Talk().says("220 hi\r\n").says(offered).says("220 go\r\n");
    assert.deepEqual(talk.log, ["start TLS"]);
    talk.tls().says(PLAIN_EHLO);
    assert.deepEqual(talk.log, ["start TLS", "ready"]);
    assert.equal(talk.sent, "EHLO me\r\nSTARTTLS\r\nEHLO me\r\n");
    assert.equal(talk.session.capabilities.pipelining, false);
  });

  test("refused: goes on in clear text on the same connection", () => {
    for (const refusal of ["454 not now\r\n", "554 never\r\n"]) {
      const talk = new Talk().says("220 hi\r\n").says(offered).says(refusal);
      assert.deepEqual(talk.log, ["ready"]);
    }
  });

  test("words behind the reply to STARTTLS are an attack, however they are cut (CVE-2021-38371)", () => {
    const reply = "220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n";
    for (let cut = 0; cut <= reply.length; cut++) {
      const talk = new Talk().says("220 hi\r\n").says(offered).says(reply, [cut]);
      assert.equal(talk.log.at(-1), "fail (-37) TLS session: synch error before connect [tls]", `cut at ${cut}`);
    }
  });

  const required = [
    { name: "not offered", peer: [PLAIN_EHLO], why: "the server did not offer TLS support" },
    { name: "refused", peer: [offered, "454 no\r\n"], why: "an attempt to start TLS failed" },
  ] as const;
  for (const { name, peer, why } of required) {
    test(`required but ${name}: no session`, () => {
      const talk = new Talk({ tls: "required" }).says("220 hi\r\n");
      for (const octets of peer) talk.says(octets);
      assert.deepEqual(talk.log, [`fail (-38) a TLS session is required, but ${why} [tls]`]);
    });
  }

  test("not wanted: not asked for", () => {
    assert.deepEqual(new Talk({ tls: "never" }).says("220 hi\r\n").says(offered).log, ["ready"]);
  });
});

describe("a transaction", () => {
  test("pipelined: envelope and DATA in one write", () => {
    const talk = Talk.open().offer(three);
    assert.equal(talk.sent, `${MAIL}\r\nRCPT TO:<a@b.test>\r\nRCPT TO:<b@b.test>\r\nRCPT TO:<c@b.test>\r\nDATA\r\n`);
    talk.says("250 a\r\n250 b\r\n250 c\r\n250 d\r\n354 go\r\n");
    assert.equal(talk.log.at(-1), "send content");
    talk.contentSent().says("250 OK id=1\r\n");
    assert.deepEqual(ends(talk), Array(3).fill("delivered 250 OK id=1"));
    assert.ok(talk.session.isReady);
  });

  test("not pipelined: one command at a time", () => {
    const talk = Talk.open(PLAIN_EHLO).offer(message);
    assert.equal(talk.sent, "MAIL FROM:<s@a.test>\r\n");
    talk.says("250 a\r\n");
    assert.equal(talk.sent, "MAIL FROM:<s@a.test>\r\nRCPT TO:<r@b.test>\r\n");
    talk.says("250 b\r\n");
    assert.equal(talk.sent, "MAIL FROM:<s@a.test>\r\nRCPT TO:<r@b.test>\r\nDATA\r\n");
    talk.says("354 go\r\n").contentSent().says("250 done\r\n");
    assert.deepEqual(ends(talk), ["delivered 250 done"]);
  });

  describe("with the next one behind its end of data", () => {
    const upToDot = () => Talk.open().offer(message).says("250 a\r\n250 b\r\n354 go\r\n").contentSent();

    test("replies belong to the first, then to the second", () => {
      const talk = upToDot();
      talk.sent = "";
      assert.ok(talk.offerBehind(three));
      assert.match(talk.sent, /^MAIL .*\r\nRCPT .*\r\nRCPT .*\r\nRCPT .*\r\nDATA\r\n$/);
      talk.says("250 first\r\n250 a\r\n550 no\r\n250 c\r\n");
      assert.deepEqual(ends(talk), ["delivered 250 first"]);
      assert.ok(!talk.session.isReady);
      talk.says("250 d\r\n354 go\r\n").contentSent().says("250 second\r\n");
      const refused = `failed ${AFTER} RCPT TO:<a@b.test>: 550 no`;
      assert.deepEqual(ends(talk), [refused, "delivered 250 second", "delivered 250 second"]);
      assert.ok(talk.session.isReady);
    });

    test("only when the end of data was sent, once, where PIPELINING is offered", () => {
      assert.ok(!Talk.open().offer(message).offerBehind(message));
      const talk = upToDot();
      assert.ok(talk.offerBehind(message));
      assert.ok(!talk.offerBehind(message));
      const plain = Talk.open(PLAIN_EHLO).offer(message).says("250 a\r\n").says("250 b\r\n").says("354 go\r\n");
      assert.ok(!plain.contentSent().offerBehind(message));
    });

    test("not if the peer lacks what it needs: its end is not to come before that of the first", () => {
      assert.ok(!upToDot().offerBehind({ ...message, returnPath: "s\u00e9@a.test" }));
    });

    for (const replies of ["550 no\r\n", "250 extra\r\n250 m\r\n550 r\r\n", "250 extra\r\n250 m\r\n250 r\r\n"]) {
      test(`replies that may be out of step are not believed: ${JSON.stringify(replies)}`, () => {
        const talk = upToDot();
        talk.offerBehind(message);
        talk.says(`250 first\r\n${replies}`);
        assert.equal(talk.results.length, 2);
        assert.equal(talk.results[1]?.[0]?.outcome, "deferred");
        assert.ok(talk.isUnanswered && talk.session.isOver);
      });
    }

    test("a message that the peer wants for nobody is refused", () => {
      const talk = upToDot();
      talk.offerBehind(message);
      talk.says("250 first\r\n250 m\r\n550 no\r\n503 for nobody\r\n");
      assert.deepEqual(ends(talk), [`failed ${AFTER} RCPT TO:<r@b.test>: 550 no`]);
    });

    for (const end of ["421 bye\r\n", "gibberish\r\n", undefined]) {
      test(`it was not answered when the connection ends with ${JSON.stringify(end)}`, () => {
        const talk = upToDot();
        talk.offerBehind(message);
        if (end === undefined) talk.loses({ kind: "timeout" });
        else talk.says(end);
        assert.equal(talk.results.length, 2);
        assert.equal(talk.results[1]?.[0]?.outcome, "deferred");
        assert.ok(talk.isUnanswered && talk.session.isOver);
      });
    }
  });

  test("never more than a hundred commands in flight", () => {
    const recipients = Array.from({ length: 250 }, (_, i) => `r${i}@b.test`);
    const talk = Talk.open().offer({ ...message, recipients });
    let answered = 0;
    while (talk.log.at(-1) !== "send content") {
      const asked = talk.sent.split("\r\n").length - 1;
      assert.ok(asked - answered <= 100 && asked > answered);
      for (; answered < asked; answered++) talk.says(answered === 251 ? "354 go\r\n" : "250 ok\r\n");
    }
    assert.equal(answered, 252);
  });

  test("8BITMIME is announced where it is offered and needed", () => {
    assert.match(
      Talk.open().offer({ ...message, eightBit: true }).sent,
      /^MAIL FROM:<s@a.test> SIZE=1444 BODY=8BITMIME\r\n/,
    );
    assert.match(Talk.open(PLAIN_EHLO).offer({ ...message, eightBit: true }).sent, /^MAIL FROM:<s@a.test>\r\n$/);
  });

  test("what is asked for of reports is told to a peer that knows DSN, and to no other", () => {
    const asked: Transaction = {
      ...three,
      notification: { ret: "FULL", envid: "QQ1" },
      recipientNotifications: [{ notify: ["NEVER"], originalRecipient: "rfc822;a@b.test" }, undefined, undefined],
    };
    assert.equal(
      Talk.open("250-peer\r\n250-PIPELINING\r\n250 DSN\r\n").offer(asked).sent,
      "MAIL FROM:<s@a.test> RET=FULL ENVID=QQ1\r\nRCPT TO:<a@b.test> NOTIFY=NEVER ORCPT=rfc822;a@b.test\r\n" +
        "RCPT TO:<b@b.test>\r\nRCPT TO:<c@b.test>\r\nDATA\r\n",
    );
    const plain = "250-peer\r\n250 PIPELINING\r\n";
    assert.equal(Talk.open(plain).offer(asked).sent, Talk.open(plain).offer(three).sent);
  });

  test("an address that is not ASCII, or a message that came so, needs SMTPUTF8", () => {
    const utf8 = { ...message, recipients: [Buffer.from("ü@b.test").toString("latin1")] };
    const talk = Talk.open().offer(utf8);
    assert.match(String(ends(talk)), /^deferred \(-\d+\) utf8 support required but not offered for forwarding$/);
    assert.equal(talk.sent, "");
    assert.match(Talk.open("250-x\r\n250 SMTPUTF8\r\n").offer(utf8).sent, /^MAIL FROM:<s@a.test> SMTPUTF8\r\n/);
    const flagged = { ...message, smtpUtf8: true };
    assert.equal(Talk.open().offer(flagged).sent, "");
    assert.match(Talk.open("250-x\r\n250 SMTPUTF8\r\n").offer(flagged).sent, /^MAIL FROM:<s@a.test> SMTPUTF8\r\n/);
  });

  const latin1 = (text: string): string => Buffer.from(text).toString("latin1");
  const UTF8_PEER = "250-x\r\n250 SMTPUTF8\r\n";
  const ASCII = "MAIL FROM:<s@xn--mller-kva.test>\r\n";
  /** As Exim 4.98 does it, but for local parts, of which it makes others. */
  const downconversions: readonly [how: -1 | 0 | 1 | undefined, to: string, peer: string | undefined, said: string][] =
    [
      [-1, "r@b\u00fccher.test", undefined, `${ASCII}RCPT TO:<r@xn--bcher-kva.test>\r\nDATA\r\n`],
      [-1, "r@b.test", undefined, `${ASCII}RCPT TO:<r@b.test>\r\n`],
      [-1, "r@b.test", UTF8_PEER, latin1("MAIL FROM:<s@m\u00fcller.test> SMTPUTF8\r\n")],
      [-1, "\u00fc@b.test", undefined, ""],
      [1, "r@b.test", undefined, `${ASCII}RCPT TO:<r@b.test>\r\n`],
      [1, "r@b.test", UTF8_PEER, ASCII],
      [1, "\u00fc@b.test", UTF8_PEER, latin1("MAIL FROM:<s@m\u00fcller.test> SMTPUTF8\r\n")],
      [0, "r@b.test", undefined, ""],
      [undefined, "r@b.test", undefined, ""],
    ];
  for (const [how, to, peer, said] of downconversions) {
    test(`utf8_downconvert ${how}, to ${to}${peer === undefined ? "" : ", who knows SMTPUTF8"}`, () => {
      const asked = { ...message, returnPath: latin1("s@m\u00fcller.test"), recipients: [latin1(to)], smtpUtf8: true };
      const talk = Talk.open(peer).offer(how === undefined ? asked : { ...asked, utf8Downconvert: how });
      const sent = talk.sent.replace(/ SIZE=\d+/, "");
      assert.ok(said === "" ? sent === "" : sent.startsWith(said), sent);
    });
  }

  const R = `${AFTER} RCPT TO:`;
  /** Three recipients; the replies to MAIL, three RCPT, DATA, and to the content if it was wanted. */
  const mixes = [
    {
      name: "each recipient has its own answer",
      replies: ["250 m", "250 a", "550 b", "450 c", "354 go", "250 ok"],
      want: ["delivered 250 ok", `failed ${R}<b@b.test>: 550 b`, `deferred (-44) ${R}<c@b.test>: 450 c`],
    },
    {
      name: "MAIL refused for now: all wait",
      replies: ["451 m", "503 a", "503 b", "503 c", "503 d"],
      want: Array(3).fill(`deferred (-45) ${AFTER} pipelined ${MAIL}: 451 m`),
    },
    {
      name: "MAIL refused for good: all fail",
      replies: ["550 m", "503 a", "503 b", "503 c", "503 d"],
      want: Array(3).fill(`failed ${AFTER} pipelined ${MAIL}: 550 m`),
    },
    {
      name: "all recipients refused, DATA too",
      replies: ["250 m", "550 a", "550 b", "450 c", "554 none"],
      want: [`failed ${R}<a@b.test>: 550 a`, `failed ${R}<b@b.test>: 550 b`, `deferred (-44) ${R}<c@b.test>: 450 c`],
    },
    {
      name: "DATA refused for now: those that were accepted wait, the others have their answer",
      replies: ["250 m", "250 a", "550 b", "250 c", "451 d"],
      want: [
        `deferred (-46) ${AFTER} pipelined DATA: 451 d`,
        `failed ${R}<b@b.test>: 550 b`,
        `deferred (-46) ${AFTER} pipelined DATA: 451 d`,
      ],
    },
    {
      name: "the content refused for good",
      replies: ["250 m", "250 a", "450 b", "250 c", "354 go", "554 spam"],
      want: [
        `failed ${AFTER} end of data: 554 spam`,
        `deferred (-44) ${R}<b@b.test>: 450 b`,
        `failed ${AFTER} end of data: 554 spam`,
      ],
    },
    {
      name: "452 after an accepted recipient: the next transaction has it",
      replies: ["250 m", "250 a", "452 b", "452 c", "354 go", "250 ok"],
      want: ["delivered 250 ok", "postponed", "postponed"],
    },
    {
      name: "452 to the first recipient is a deferral like any other",
      replies: ["250 m", "452 a", "250 b", "452 c", "354 go", "250 ok"],
      want: [`deferred (-44) ${R}<a@b.test>: 452 a`, "delivered 250 ok", "postponed"],
    },
  ] as const;

  for (const { name, replies, want } of mixes) {
    test(name, () => {
      const talk = Talk.open().offer(three);
      talk.says(
        replies
          .slice(0, 5)
          .map((line) => `${line}\r\n`)
          .join(""),
      );
      if (replies[5] !== undefined) talk.contentSent().says(`${replies[5]}\r\n`);
      assert.deepEqual(ends(talk), want);
      assert.ok(talk.session.isReady);
    });
  }

  test("354 with nobody accepted: a lone dot, and RSET before the next message", () => {
    const talk = Talk.open().offer(message);
    talk.sent = "";
    talk.says("250 m\r\n550 no\r\n354 go\r\n");
    assert.equal(talk.sent, ".\r\n");
    assert.deepEqual(talk.results, []);
    talk.says("554 nothing\r\n");
    assert.deepEqual(ends(talk), [`failed ${R}<r@b.test>: 550 no`]);
    talk.sent = "";
    talk.offer(message);
    assert.match(talk.sent, /^RSET\r\nMAIL /);
    talk.says("250 r\r\n250 m\r\n250 a\r\n354 go\r\n").contentSent().says("250 ok\r\n");
    assert.deepEqual(ends(talk), ["delivered 250 ok"]);
  });

  test("no RSET after a message that went through", () => {
    const talk = Talk.open().offer(message).says("250 m\r\n250 a\r\n354 go\r\n").contentSent().says("250 ok\r\n");
    talk.sent = "";
    assert.match(talk.offer(message).sent, /^MAIL /);
  });
});

/** Texts and numbers as Exim 4.98 logs them when a scripted peer does the same to it. */
describe("a connection that breaks", () => {
  const closed: Loss = { kind: "closed" };
  const late: Loss = { kind: "timeout" };
  const CLOSED = "Remote host closed connection in response to";
  const cases = [
    {
      name: "closed after MAIL",
      replies: "",
      loss: closed,
      want: `deferred (-18) ${CLOSED} pipelined ${MAIL}`,
      kind: "host",
    },
    {
      name: "no answer to MAIL",
      replies: "",
      loss: late,
      want: `deferred (110) SMTP timeout after pipelined ${MAIL}`,
      kind: "message",
    },
    {
      name: "no answer to RCPT",
      replies: "250 m\r\n",
      loss: late,
      want: "deferred (110) SMTP timeout after RCPT TO:<r@b.test>",
      kind: "recipient",
    },
    {
      name: "closed after RCPT",
      replies: "250 m\r\n",
      loss: closed,
      want: `deferred (-18) ${CLOSED} pipelined RCPT TO:<r@b.test>`,
      kind: "host",
    },
    {
      name: "closed instead of an answer to DATA, with an accepted recipient (Exim 4.98 loses the mail)",
      replies: "250 m\r\n250 a\r\n",
      loss: closed,
      want: `deferred (-18) ${CLOSED} pipelined DATA`,
      kind: "host",
    },
    {
      name: "no answer to DATA",
      replies: "250 m\r\n250 a\r\n",
      loss: late,
      want: "deferred (110) SMTP timeout after pipelined DATA",
      kind: "host",
    },
    {
      name: "the operating system's error",
      replies: "250 m\r\n",
      loss: { kind: "error", errno: 113, text: "No route to host" },
      want: "deferred (113) smtp send to mx [192.0.2.1] failed: No route to host",
      kind: "host",
    },
    {
      name: "closed while the content goes out",
      replies: "250 m\r\n250 a\r\n354 go\r\n",
      loss: closed,
      want: `deferred (-18) ${CLOSED} sending data block`,
      kind: "host",
    },
    {
      name: "2xx to DATA accepts nothing: no content was sent, the peer is out of step",
      replies: "250 m\r\n250 a\r\n250 d\r\n",
      loss: undefined,
      want: "deferred (-19) Malformed SMTP reply in response to pipelined DATA: 250 d",
      kind: "host",
    },
    {
      name: "malformed after MAIL",
      replies: "hello\r\n",
      loss: undefined,
      want: `deferred (-19) Malformed SMTP reply in response to pipelined ${MAIL}: hello`,
      kind: "host",
    },
  ] as const;

  for (const { name, replies, loss, want, kind } of cases) {
    test(name, () => {
      const talk = Talk.open().offer(message).says(replies);
      if (loss !== undefined) talk.loses(loss);
      assert.deepEqual(ends(talk), [want]);
      assert.equal(talk.log.at(-1), `finish ${kind}`);
      assert.equal(talk.session.isReady, false);
    });
  }

  test("after the final dot, it is the message's fault", () => {
    for (const [loss, want] of [
      [closed, `deferred (-18) ${CLOSED} end of data`],
      [late, "deferred (110) SMTP timeout after end of data (420 bytes written)"],
    ] as const) {
      const talk = Talk.open().offer(message).says("250 m\r\n250 a\r\n354 go\r\n").contentSent().loses(loss);
      assert.deepEqual(ends(talk), [want]);
      assert.equal(talk.log.at(-1), "finish message");
    }
  });

  test("closed when every recipient has been refused: each keeps its answer", () => {
    const talk = Talk.open().offer(message).says("250 m\r\n550 no\r\n").loses(closed);
    assert.deepEqual(ends(talk), [`failed ${AFTER} RCPT TO:<r@b.test>: 550 no`]);
    assert.equal(talk.log.at(-1), "finish well");
  });

  test("421 ends the session at any command; who was refused for good stays refused", () => {
    const talk = Talk.open().offer(three).says("250 m\r\n550 a\r\n421 bye\r\n");
    assert.deepEqual(ends(talk), [
      `failed ${AFTER} RCPT TO:<a@b.test>: 550 a`,
      `deferred (-44) ${AFTER} RCPT TO:<b@b.test>: 421 bye`,
      `deferred (0) ${AFTER} RCPT TO:<b@b.test>: 421 bye`,
    ]);
    assert.equal(talk.session.isReady, false);
  });

  test("421 to MAIL, or no reply to it, says nothing about the host", () => {
    assert.equal(Talk.open().offer(message).says("421 idle too long\r\n").isUnanswered, true);
    assert.equal(Talk.open().offer(message).loses(closed).isUnanswered, true);
    assert.equal(Talk.open().offer(message).says("250 m\r\n").loses(closed).isUnanswered, false);
    assert.equal(Talk.open().offer(message).says("451 m\r\n503 a\r\n503 b\r\n").isUnanswered, false);
  });

  test("a success before the end of the content is none", () => {
    const talk = Talk.open().offer(message).says("250 m\r\n250 a\r\n354 go\r\n250 thanks\r\n");
    assert.deepEqual(ends(talk), ["deferred (-19) Malformed SMTP reply in response to sending data block: 250 thanks"]);
    assert.equal(talk.session.isReady, false);
  });

  test("a refusal in the middle of the content is one", () => {
    const talk = Talk.open().offer(message).says("250 m\r\n250 a\r\n354 go\r\n552 too big\r\n");
    assert.deepEqual(ends(talk), [`failed ${AFTER} sending data block: 552 too big`]);
    assert.equal(talk.session.isReady, false);
  });

  test("words that nobody asked for end an idle session", () => {
    const talk = Talk.open().says("421 idle\r\n");
    assert.equal(talk.log.at(-1), "close");
    assert.equal(talk.session.isReady, false);
  });
});

test("any cutting of the peer's octets gives the same results", () => {
  const code = fc.constantFrom("250", "250", "250", "450", "452", "550", "421", "354", "503", "2x0", "");
  const line = fc
    .tuple(code, fc.constantFrom(" ", "-", ""), fc.constantFrom("\r\n", "\r\n", "\n"))
    .map((x) => x.join("x"));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), fc.array(fc.nat(80)), (lines, cuts) => {
      const run = (at: readonly number[]) => {
        const talk = Talk.open().offer(three).says(lines.join(""), at);
        return { log: talk.log, sent: talk.sent, results: talk.results, isReady: talk.session.isReady };
      };
      assert.deepEqual(run(cuts), run([]));
    }),
    { numRuns: 1000 },
  );
});
