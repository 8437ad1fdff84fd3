import assert from "node:assert/strict";
import { test } from "node:test";
import { Sessions, watchedLine } from "../../src/commands/watch.ts";

const line = {
  atMs: new Date(2026, 10, 21, 3, 4, 5, 678).getTime(),
  session: "a",
  clientAddress: "2001:db8::1",
  clientPort: 4711,
  kind: "client",
  text: "NOOP",
};

test("a line has the time, the client, who speaks, and what is said", () => {
  assert.equal(watchedLine(line), "03:04:05.678 [2001:db8::1]:4711 > NOOP");
  const answer = { ...line, clientAddress: "192.0.2.1", kind: "server", text: "250 OK" };
  assert.equal(watchedLine(answer), "03:04:05.678 192.0.2.1:4711 < 250 OK");
});

test("no more sessions are shown than are wanted, each to its end", () => {
  const sessions = new Sessions(2);
  const shown = (session: string, kind = "client") => sessions.shows({ session, kind });
  assert.deepEqual([shown("a"), shown("b"), shown("c")], [true, true, false]);
  assert.equal(sessions.areOver, false);
  assert.deepEqual([shown("a", "end"), shown("c"), shown("b"), sessions.areOver], [true, false, true, false]);
  assert.deepEqual([shown("b", "end"), sessions.areOver], [true, true]);
});

test("without a limit it is never over", () => {
  const sessions = new Sessions(undefined);
  for (let i = 0; i < 10; i++) assert.ok(sessions.shows({ session: String(i), kind: "end" }));
  assert.equal(sessions.areOver, false);
});
