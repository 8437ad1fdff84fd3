import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ServerSession } from "../../src/server/session.ts";
import { sessionProfile } from "../../src/server/session-profile.ts";
import { codesOf, converse, inPieces, settings } from "./conversation.ts";

/** Groups that end where RFC 2920 wants the client to wait; inside, a client may cut as the network likes. */
const groups = [
  "EHLO c.example\r\n",
  "MAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\nRCPT TO:<bad\r\nRCPT TO:<z@y.example>\r\nDATA\r\n",
  "Subject: x\r\n folded\r\nReceived: y\r\n\r\n..body\r\n.x\r\n\r\nend\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<x@y.example>\r\nDATA\r\n",
  "no header\r\n.\r\nRSET\r\nHELP\r\nRSET\r\nQUIT\r\n",
];

test("replies and content do not depend on how the octets are cut", () => {
  const whole = converse(groups);
  assert.equal(whole.messages.length, 2);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.array(fc.nat({ max: 120 }), { maxLength: 6 }), (size, cuts) => {
      const chunks = groups.flatMap((group) => {
        if (cuts.length === 0) return inPieces(group, size);
        const at = [0, ...cuts.filter((cut) => cut < group.length).toSorted((a, b) => a - b), group.length];
        return at.slice(1).map((end, i) => group.slice(at[i], end));
      });
      const cut = converse(chunks.filter((chunk) => chunk !== ""));
      assert.equal(cut.output, whole.output);
      assert.deepEqual(cut.messages, whole.messages);
    }),
  );
});

test("memory does not grow with a line that never ends, nor with held input", () => {
  const session = new ServerSession(sessionProfile(settings), "192.0.2.1");
  session.next();
  session.accept();
  session.next();
  for (let i = 0; i < 10; i++) session.receive(Buffer.alloc(1000, "a"));
  session.next();
  assert.equal(session.heldOctets, 0);
  assert.deepEqual(codesOf(session.takeOutput()), ["220", "500"]);
});

test("a session that is shut down ends between two transactions, not inside one", () => {
  const session = new ServerSession(sessionProfile(settings), "192.0.2.1");
  const say = (text: string): string => {
    session.receive(Buffer.from(text, "latin1"));
    for (;;) {
      const step = session.next();
      if (step.kind === "read" || step.kind === "close") return session.takeOutput();
      if (step.kind === "end") session.finish({ code: 250, status: "2.0.0", lines: ["OK"] });
      else if (step.kind !== "header" && step.kind !== "content") session.accept();
    }
  };
  session.next();
  session.accept();
  say("EHLO c\r\n");
  say("MAIL FROM:<a@b>\r\nRCPT TO:<x@y>\r\n");
  session.shutDown({ code: 421, status: "4.3.2", lines: ["shutting down"] });
  assert.match(say("DATA\r\n"), /^354/);
  assert.equal(say("x\r\n.\r\nMAIL FROM:<>\r\n"), "250 2.0.0 OK\r\n421 4.3.2 shutting down\r\n");
});
