import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { reply } from "@postbus/mail";
import { ServerSession } from "../../src/server/session.ts";
import { sessionProfile } from "../../src/server/session-profile.ts";
import type { SessionQuestion } from "../../src/server/session-step.ts";
import { converse, type Decisions, settings } from "./conversation.ts";

const EHLO = "EHLO c.example\r\n";
const MAIL = "MAIL FROM:<a@b.example>\r\n";
const RCPT = "RCPT TO:<x@y.example>\r\n";
const asks = new Set<SessionQuestion>(["helo", "vrfy", "expn", "etrn", "quit"]);
const plain = { asks, offersStatus: false };

describe("questions that an owner can choose", () => {
  test("a refused HELO leaves the client unintroduced, an accepted one may be greeted in other words", () => {
    const { output } = converse([EHLO, MAIL], {
      settings: plain,
      decide: ({ kind }) => (kind === "helo" ? { code: 550, lines: ["no"] } : undefined),
    });
    assert.match(output, /\r\n550 no\r\n503 HELO or EHLO required\r\n$/);
    const greeted = converse([EHLO], {
      settings: plain,
      say: ({ kind }) => (kind === "helo" ? { code: 250, lines: ["good day", "cut"] } : undefined),
    });
    assert.match(greeted.output, /\r\n250-good day\r\n250-SIZE 100000\r\n/);
  });

  test("a refused HELO changes nothing for a client that has been greeted (RFC 5321 section 4.1.4)", () => {
    const { output, steps } = converse([EHLO, MAIL, "HELO bad\r\n", RCPT, "RSET\r\n", "EHLO bad\r\n", MAIL], {
      settings: plain,
      decide: (step) => (step.kind === "helo" && step.name === "bad" ? { code: 550, lines: ["no"] } : undefined),
    });
    assert.match(output, /250 OK\r\n550 no\r\n250 Accepted\r\n250 Reset OK\r\n550 no\r\n250 OK\r\n$/);
    assert.deepEqual(
      steps.map(({ kind }) => kind),
      ["connect", "helo", "mail", "helo", "recipient", "helo", "mail"],
    );
  });

  test("ETRN that is let through wants a # (Exim's manual, smtp_etrn_command)", () => {
    const settings = { ...plain, maxNonmail: 100 };
    assert.match(
      converse(["ETRN x\r\n", "ETRN #x\r\n"], { settings }).output,
      /501 argument must begin with #\r\n250 OK\r\n$/,
    );
    const decide = ({ kind }: { readonly kind: string }) =>
      kind === "etrn" ? ({ code: 458, lines: ["no"] } as const) : undefined;
    assert.match(converse(["ETRN x\r\n"], { settings, decide }).output, /\r\n458 no\r\n$/);
  });

  test("VRFY, EXPN and ETRN are answered as the owner says, QUIT with his last words", () => {
    const { output, isClosed } = converse([EHLO, "VRFY a@b\r\n", "EXPN l\r\n", "ETRN #x\r\n", "QUIT\r\n"], {
      settings: plain,
      decide: (step) =>
        "argument" in step || step.kind === "vrfy" || step.kind === "quit"
          ? { code: 252, lines: [JSON.stringify(step)] }
          : undefined,
    });
    assert.ok(
      output.endsWith(
        '252 {"kind":"vrfy","address":"a@b"}\r\n252 {"kind":"expn","argument":"l"}\r\n' +
          '252 {"kind":"etrn","argument":"#x"}\r\n252 {"kind":"quit"}\r\n',
      ),
      output,
    );
    assert.ok(isClosed);
  });

  test("a refusal can be the last reply, whatever its code", () => {
    const { output, isClosed } = converse([EHLO, MAIL, RCPT, MAIL], {
      settings: plain,
      drops: true,
      decide: ({ kind }) => (kind === "recipient" ? { code: 550, lines: ["caught"] } : undefined),
    });
    assert.ok(output.endsWith("250 OK\r\n550 caught\r\n"), output);
    assert.ok(isClosed);
  });

  test("accepted commands may be answered in other words", () => {
    const { output } = converse([EHLO, MAIL, RCPT, "DATA\r\n"], {
      settings: plain,
      say: ({ kind }) => ({ code: kind === "data" ? 354 : kind === "connect" ? 220 : 250, lines: [kind] }),
    });
    assert.match(output, /^220 connect\r\n250-helo\r\n[\s\S]*250 mail\r\n250 recipient\r\n354 data\r\n$/);
  });
});

describe("enhanced status codes", () => {
  test("without them, our replies have none, and what an owner writes stays as it is", () => {
    const { output } = converse([EHLO, "NOOP\r\n", MAIL, RCPT, "FOO\r\n"], {
      settings: plain,
      decide: ({ kind }) => (kind === "recipient" ? reply(550, "5.1.1", "nobody") : undefined),
    });
    assert.doesNotMatch(output, /ENHANCEDSTATUSCODES/);
    assert.ok(output.endsWith("250 OK\r\n250 OK\r\n550 5.1.1 nobody\r\n500 unrecognized command\r\n"), output);
  });

  test("with them, a reply that lacks one gets that of its class", () => {
    const { output } = converse([EHLO, MAIL], {
      decide: ({ kind }) => (kind === "mail" ? { code: 451, lines: ["later"] } : undefined),
    });
    assert.ok(output.endsWith("451 4.0.0 later\r\n"), output);
  });
});

test("where sending ahead is allowed, everything may come at once", () => {
  const all = `HELO c.example\r\n${MAIL}${RCPT}DATA\r\nSubject: x\r\n\r\ny\r\n.\r\nQUIT\r\n`;
  const { codes, messages } = converse([all], { settings: { ...plain, enforcesSync: false }, early: "NOOP\r\n" });
  assert.deepEqual(codes, ["220", "250", "250", "250", "250", "354", "250", "221"]);
  assert.equal(messages.length, 1);

  const starttls: readonly [name: string, decisions: Decisions, codes: string, isClosed: boolean][] = [
    ["refused leaves all as it was", { decide: refusing(550) }, "220 250 250 550 250", false],
    ["refused for now", { decide: refusing(454) }, "220 250 250 454 250", false],
    ["refused with 421 is the end", { decide: refusing(421) }, "220 250 250 421", true],
    ["dropped is the end", { decide: refusing(550), drops: true }, "220 250 250 550", true],
    ["accepted forgets all", {}, "220 250 250 220 503", false],
  ];
  for (const [name, decisions, codes, isClosed] of starttls) {
    test(`STARTTLS ${name}`, () => {
      const conversation = converse([EHLO, MAIL, "STARTTLS\r\n", RCPT], decisions);
      assert.equal(conversation.codes.join(" "), codes);
      assert.equal(conversation.isClosed, isClosed);
    });
  }

  test("what comes while STARTTLS is asked about does not count as said under TLS (CVE-2011-0411)", () => {
    const session = new ServerSession(sessionProfile(settings), "192.0.2.1");
    const until = (kind: string): void => {
      while (session.next().kind !== kind);
    };
    until("connect");
    session.accept();
    session.receive(Buffer.from(`${EHLO}`));
    until("read");
    session.receive(Buffer.from("STARTTLS\r\n"));
    until("starttls");
    session.receive(Buffer.from(MAIL));
    session.takeOutput();
    session.accept();
    assert.equal(session.takeOutput(), "554 5.5.0 SMTP synchronization error\r\n");
    until("close");
  });
});

describe("what comes while an ACL delays its answer", () => {
  const begun = (...before: readonly string[]): ServerSession => {
    const session = new ServerSession(sessionProfile({ ...settings, asks }), "192.0.2.1");
    session.next();
    session.accept();
    for (const command of before) {
      session.receive(Buffer.from(command));
      ask(session);
      session.accept();
    }
    session.takeOutput();
    return session;
  };
  const rows: readonly (readonly [string, readonly string[], string, string, string])[] = [
    ["to HELO", [], "HELO client.test\r\n", MAIL, "554"],
    ["to EHLO, although pipelining will be offered", [], EHLO, MAIL, "554"],
    ["to MAIL behind HELO", ["HELO client.test\r\n"], MAIL, RCPT, "554"],
    ["to RCPT behind HELO", ["HELO client.test\r\n", MAIL], RCPT, "DATA\r\n", "554"],
    ["to MAIL behind EHLO is pipelined", [EHLO], MAIL, RCPT, "250"],
    ["to RCPT behind EHLO is pipelined", [EHLO, MAIL], RCPT, RCPT, "250"],
  ];
  for (const [name, before, command, early, code] of rows) {
    test(name, () => {
      const session = begun(...before);
      session.receive(Buffer.from(command));
      ask(session);
      session.receive(Buffer.from(early));
      session.accept();
      assert.equal(session.takeOutput().slice(0, 3), code);
      assert.equal(session.isClosing, code === "554");
    });
  }
});

/** Goes on until the owner is asked. */
function ask(session: ServerSession): void {
  let kind: string;
  do {
    ({ kind } = session.next());
    assert.notEqual(kind, "read");
  } while (!["helo", "mail", "recipient"].includes(kind));
}

function refusing(code: number): NonNullable<Decisions["decide"]> {
  return ({ kind }) => (kind === "starttls" ? { code, lines: ["no"] } : undefined);
}

describe("TLS before the greeting (RFC 8314 section 3.3)", () => {
  const start = () => {
    const session = new ServerSession(sessionProfile(settings), "192.0.2.1", true);
    session.receive(Buffer.from("client hello"));
    assert.equal(session.next().kind, "connect");
    return session;
  };

  test("gives back what came before the handshake, and greets behind it", () => {
    const session = start();
    session.accept();
    assert.equal(session.next().kind, "handshake");
    assert.equal(session.takeOutput(), "");
    assert.equal(session.takeInput().toString(), "client hello");
    session.tlsEstablished();
    assert.equal(session.next().kind, "read");
    assert.ok(session.isGreetingDue);
    assert.equal(session.takeOutput(), "");
    session.greet();
    assert.match(session.takeOutput(), /^220 mx\.test /);
    assert.equal(session.next().kind, "read");
  });

  test("turns away who speaks before the greeting behind it", () => {
    const session = start();
    session.accept();
    assert.equal(session.next().kind, "handshake");
    session.tlsEstablished();
    session.receive(Buffer.from("EHLO client.test\r\n"));
    assert.equal(session.next().kind, "read");
    session.greet();
    assert.equal(session.takeOutput(), "554 5.5.0 SMTP synchronization error\r\n");
    assert.equal(session.next().kind, "refused");
    assert.equal(session.next().kind, "close");
  });

  test("says nothing where the client is refused", () => {
    const session = start();
    session.refuse({ code: 554, lines: ["no"] });
    assert.equal(session.next().kind, "close");
    assert.equal(session.takeOutput(), "");
  });
});
