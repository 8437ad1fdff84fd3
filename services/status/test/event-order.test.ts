import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inCausalOrder } from "../src/event-order.ts";

const event = (
  service: string,
  name: "msg:received" | "msg:decided" | "msg:note" | "msg:delivery" | "msg:complete",
  atMs: number,
) => ({ service, name, atMs }) as const;

const RECEIVED = event("gateway", "msg:received", 100);
const DECIDED = event("gateway", "msg:decided", 100);
const ROUTED = event("router", "msg:note", 103);
const DELIVERED = event("delivery", "msg:delivery", 110);
const COMPLETE = event("delivery", "msg:complete", 110);

describe("the events of a message", () => {
  const rows = {
    "in the order in which they happened": [RECEIVED, DECIDED, ROUTED, DELIVERED, COMPLETE],
    "recorded by services in turn, the last one first": [DELIVERED, COMPLETE, ROUTED, RECEIVED, DECIDED],
    "the end before what it ends": [RECEIVED, DECIDED, COMPLETE, ROUTED, DELIVERED],
  };
  for (const [name, recorded] of Object.entries(rows)) {
    test(name, () => assert.deepEqual(inCausalOrder(recorded), [RECEIVED, DECIDED, ROUTED, DELIVERED, COMPLETE]));
  }

  test("within one millisecond, gateway comes before router, and that before delivery", () => {
    const at = [event("delivery", "msg:delivery", 100), event("router", "msg:note", 100), RECEIVED];
    assert.deepEqual(inCausalOrder(at), at.toReversed());
  });

  test("a clock that is behind that of gateway moves nothing before the reception", () => {
    const [routed, delivered] = [event("router", "msg:note", 40), event("delivery", "msg:delivery", 60)];
    assert.deepEqual(inCausalOrder([delivered, routed, RECEIVED]), [RECEIVED, routed, delivered]);
  });

  test("attempts stay between each other as time has it", () => {
    const all = [RECEIVED, ROUTED, DELIVERED, event("router", "msg:note", 200), event("delivery", "msg:delivery", 300)];
    assert.deepEqual(inCausalOrder(all.toReversed()), all);
  });
});
