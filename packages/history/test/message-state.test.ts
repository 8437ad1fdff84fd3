import assert from "node:assert/strict";
import { test } from "node:test";
import type { MailEvent } from "@postbus/contracts";
import { messageStates, stateCondition, stateOf } from "../src/message-state.ts";
import { rowsOf } from "../src/rows.ts";
import { completed, decided, deferred, delivered, failed, frozen, noted, received } from "./sample-events.ts";

const id = "m1";
const [a, b] = ["a@example.net", "b@example.net"];

const cases: readonly { name: string; events: readonly MailEvent[]; want: string }[] = [
  { name: "accepted, nothing tried yet", events: [received(id)], want: "queued" },
  { name: "one of two delivered", events: [received(id), delivered(id, a)], want: "queued" },
  { name: "tried in vain", events: [received(id), deferred(id)], want: "deferred" },
  {
    name: "one delivered, one tried in vain",
    events: [received(id), delivered(id, a), deferred(id, b)],
    want: "deferred",
  },
  {
    name: "deferred, then delivered",
    events: [received(id), deferred(id), delivered(id), completed(id)],
    want: "delivered",
  },
  { name: "one of two failed", events: [received(id), delivered(id, a), failed(id, b), completed(id)], want: "failed" },
  { name: "frozen", events: [received(id), frozen(id)], want: "frozen" },
  { name: "frozen after a deferral", events: [received(id), deferred(id), frozen(id)], want: "frozen" },
  { name: "thawed", events: [received(id), frozen(id), noted(id, "unfrozen by operator")], want: "queued" },
  { name: "thawed by a delivery", events: [frozen(id), delivered(id), completed(id)], want: "delivered" },
  {
    name: "removed from the frozen ones",
    events: [received(id), frozen(id), noted(id, "removed by operator"), completed(id)],
    want: "removed",
  },
  {
    name: "its end is known before its arrival",
    events: [completed(id), delivered(id), received(id)],
    want: "delivered",
  },
  { name: "accepted, with the reasons", events: [received(id), decided(id, "accepted")], want: "queued" },
  { name: "refused", events: [decided(id, "refused")], want: "refused" },
  { name: "thrown away", events: [decided(id, "discarded")], want: "discarded" },
];

for (const { name, events, want } of cases) {
  test(`${name}: ${want}`, () => {
    const [row] = rowsOf(events).messages;
    assert.equal(stateOf(row?.set ?? 0), want);
  });

  test(`${name}: the same if it comes one event at a time, and each twice`, () => {
    let flags = 0;
    for (const event of events) {
      for (const { set, clear } of [...rowsOf([event]).messages, ...rowsOf([event]).messages]) {
        flags = (flags & ~clear) | set;
      }
    }
    assert.equal(stateOf(flags), want);
  });
}

test("every combination of flags is exactly one state", () => {
  for (let flags = 0; flags < 256; flags++) {
    const states = messageStates.filter(
      (state) => (flags & stateCondition(state).mask) === stateCondition(state).value,
    );
    assert.deepEqual(states, [stateOf(flags)], `flags ${flags}`);
  }
});
