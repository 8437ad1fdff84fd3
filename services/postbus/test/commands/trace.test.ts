import assert from "node:assert/strict";
import { test } from "node:test";
import { eventLine, story } from "../../src/commands/trace.ts";

const frame = { v: 1, id: "x", atMs: new Date(2026, 10, 21, 3, 4, 5, 678).getTime(), messageId: "m" };

test("an event is a line: time, service, name, then its own fields, those of objects one by one", () => {
  const reception = { protocol: "esmtp", size: 577 };
  const event = { ...frame, service: "gateway", name: "msg:received", returnPath: "a@b.example", reception };
  assert.equal(
    eventLine(event),
    "2026-11-21 03:04:05.678 gateway  msg:received      returnPath=a@b.example protocol=esmtp size=577",
  );
});

test("words with blanks are quoted, times are readable", () => {
  const event = { ...frame, service: "delivery", name: "msg:defer", text: "not now", nextTryAtMs: frame.atMs };
  assert.equal(
    eventLine(event),
    '2026-11-21 03:04:05.678 delivery msg:defer         text="not now" nextTryAtMs="2026-11-21 03:04:05.678"',
  );
});

test("the last line says how the message stands, and how many recipients where they stand differently", () => {
  const message = { id: "m", state: "failed", events: [], isCut: false };
  const of = (...states: string[]): string => story({ ...message, recipients: states.map((state) => ({ state })) });
  assert.equal(of("failed", "failed"), "m: failed\n");
  // A list, and whom it names.
  assert.equal(of("queued", "failed"), "m: failed\n");
  assert.equal(of("failed", "delivered", "deferred", "delivered"), "m: failed (2 delivered, 1 deferred, 1 failed)\n");
  const cut = story({ ...message, isCut: true, recipients: [{ state: "failed" }, { state: "delivered" }] });
  assert.equal(cut, "m: there is more; this is failed (1 delivered, 1 failed)\n");
});
