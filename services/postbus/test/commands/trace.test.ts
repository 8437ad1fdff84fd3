import assert from "node:assert/strict";
import { test } from "node:test";
import { eventLine } from "../../src/commands/trace.ts";

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
