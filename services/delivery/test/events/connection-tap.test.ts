import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AttemptEvents } from "../../src/events/attempt-events.ts";
import { ConnectionTap } from "../../src/events/connection-tap.ts";

const hop = { name: "mx.test", address: "192.0.2.1", port: 25 };

/** A tap whose actions answer when they are told to. */
function tapped(startsWithTls = false) {
  const told: string[] = [];
  const passed: string[] = [];
  const refused: string[] = [];
  let answers: ((text: string) => void)[] = [];
  const ask = (name: string) => (_hop: unknown, reply: string) => {
    told.push(`${name} ${reply}`);
    return new Promise<string>((resolve) => answers.push(resolve));
  };
  const events = {
    greeted: ask("greeted"),
    introduced: ask("introduced"),
    closed: () => told.push("closed"),
  } as unknown as AttemptEvents;
  const tap = new ConnectionTap({
    events,
    startsWithTls,
    hop: () => hop,
    pass: (octets) => void passed.push(octets.toString("latin1")),
    refuse: ({ text }) => void refused.push(text),
  });
  const answer = async (text: string): Promise<void> => {
    for (const give of answers) give(text);
    answers = [];
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { tap, told, passed, refused, answer, say: (text: string) => tap.receive(Buffer.from(text, "latin1")) };
}

describe("what a host says first is shown before it is heard", () => {
  test("the greeting, however it comes in pieces", async () => {
    const { told, passed, say, answer } = tapped();
    for (const piece of ["220-mx.t", "est\r", "\n220 hel", "lo\r\n"]) say(piece);
    assert.deepEqual([told, passed], [["greeted 220-mx.test\n220 hello"], []]);
    await answer("");
    assert.deepEqual(passed, ["220-mx.test\r\n220 hello\r\n"]);
  });

  test("the reply to each EHLO, and nothing else", async () => {
    const { tap, told, passed, say, answer } = tapped();
    say("220 hi\r\n");
    await answer("");
    tap.sent("EHLO us\r\n");
    say("250-mx\r\n250 STARTTLS\r\n");
    await answer("");
    tap.sent("STARTTLS\r\n");
    say("220 go\r\n");
    tap.sent("EHLO us\r\n");
    say("250 mx\r\n");
    await answer("");
    tap.sent("MAIL FROM:<a@b>\r\n");
    say("250 ok\r\n");
    assert.deepEqual(told, ["greeted 220 hi", "introduced 250-mx\n250 STARTTLS", "introduced 250 mx"]);
    assert.equal(passed.join(""), "220 hi\r\n250-mx\r\n250 STARTTLS\r\n220 go\r\n250 mx\r\n250 ok\r\n");
  });

  test("not a greeting over TLS, as in Exim", async () => {
    const { tap, told, passed, say, answer } = tapped(true);
    say("220 hi\r\n");
    assert.deepEqual(passed, ["220 hi\r\n"]);
    tap.sent("EHLO us\r\n");
    say("250 mx\r\n");
    await answer("");
    assert.deepEqual(told, ["introduced 250 mx"]);
  });

  test("what comes while an action runs waits, and keeps its order", async () => {
    const { passed, say, answer } = tapped();
    say("220 hi\r\n");
    say("421 ");
    say("bye\r\n");
    assert.deepEqual(passed, []);
    await answer("");
    assert.deepEqual(passed, ["220 hi\r\n421 bye\r\n"]);
  });

  test("a host that an action does not want is not heard", async () => {
    const { passed, refused, say, answer } = tapped();
    say("220 hi\r\n");
    await answer("not this one");
    assert.deepEqual([passed, refused], [[], ["deferred by smtp:connect event expansion: not this one"]]);
  });

  test("nothing happens to a connection that has gone meanwhile", async () => {
    const { tap, told, passed, refused, say, answer } = tapped();
    say("220 hi\r\n");
    tap.end(true);
    await answer("no");
    assert.deepEqual([passed, refused, told.at(-1)], [[], [], "closed"]);
  });

  test("a reply without end is left to the session", () => {
    const { told, passed, say } = tapped();
    const line = `220-${"x".repeat(500)}\r\n`;
    for (let i = 0; i < 40; i++) say(line);
    assert.deepEqual(told, []);
    assert.equal(passed.join(""), line.repeat(40));
  });
});
