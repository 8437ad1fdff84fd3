import assert from "node:assert/strict";
import { test } from "node:test";
import type { Suspension } from "@postbus/contracts";
import { Suspensions } from "../src/suspensions.ts";

/** A store with these, and what is reported of them. */
async function started(...stored: unknown[]) {
  const state = { stored, isAway: false, nowMs: 0, ended: [] as string[], troubles: 0, known: [] as boolean[] };
  const suspensions = await Suspensions.start({
    values: {
      list: async () => {
        if (state.isAway) throw new Error("no answer");
        return state.stored.map((value, i) => ({ key: String(i), value, revision: 1 }));
      },
    },
    now: () => state.nowMs,
    onKnown: (isSuspended) => void state.known.push(isSuspended("b.test")),
    onEnd: (target) => void state.ended.push(target),
    onTrouble: () => void state.troubles++,
  });
  await suspensions.stop();
  return { state, suspensions };
}

const suspension = (target: string, more: Partial<Suspension> = {}): Suspension => ({
  ...{ v: 1, target, reason: "x", sinceMs: 0 },
  ...more,
});

test("they are found by any of the names, in any case, until their time is over", async () => {
  const { state, suspensions } = await started(suspension("b.test", { untilMs: 10 }), suspension("10.0.0.1"));
  assert.equal(suspensions.of("mx.test", "10.0.0.1")?.target, "10.0.0.1");
  assert.equal(suspensions.of("B.Test")?.target, "b.test");
  assert.equal(suspensions.of("c.test"), undefined);
  state.nowMs = 10;
  assert.equal(suspensions.of("b.test"), undefined);
});

test("the end of one is told once, whether an operator has ended it or its time was over", async () => {
  const { state, suspensions } = await started(suspension("b.test"), suspension("c.test", { untilMs: 10 }));
  state.stored = [suspension("c.test", { untilMs: 10 })];
  await suspensions.read();
  assert.deepEqual(state.ended, ["b.test"]);
  state.nowMs = 10;
  await suspensions.read();
  await suspensions.read();
  assert.deepEqual(state.ended, ["b.test", "c.test"]);
});

test("while the store is away those that are known stay in force, and it is told once", async () => {
  const { state, suspensions } = await started(suspension("b.test"));
  state.isAway = true;
  await suspensions.read();
  await suspensions.read();
  assert.deepEqual(state.known, [true]);
  assert.equal(suspensions.of("b.test")?.target, "b.test");
  assert.deepEqual([state.troubles, state.ended], [1, []]);
});

test("what another version has written is left out", async () => {
  const { suspensions } = await started({ v: 2, target: "b.test" }, undefined, suspension("c.test"));
  assert.equal(suspensions.of("b.test"), undefined);
  assert.equal(suspensions.of("c.test")?.target, "c.test");
});
