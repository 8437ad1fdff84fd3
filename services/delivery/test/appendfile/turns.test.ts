import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Turns } from "../../src/appendfile/turns.ts";

const late = () => new Error("late");
const patient = () => ({ patienceMs: 60_000, signal: new AbortController().signal, late });

test("work for one key is done one after the other, for others at the same time", async () => {
  const turns = new Turns();
  const log: string[] = [];
  const first = Promise.withResolvers<void>();
  const one = turns.take("a", patient(), async () => {
    await first.promise;
    log.push("a1");
  });
  const two = turns.take("a", patient(), async () => void log.push("a2"));
  await turns.take("b", patient(), async () => void log.push("b1"));
  first.resolve();
  await Promise.all([one, two]);
  assert.deepEqual(log, ["b1", "a1", "a2"]);
  await setImmediate();
  assert.equal(turns.size, 0);
});

test("what fails, or has waited too long, holds nobody up", async () => {
  const turns = new Turns();
  const first = Promise.withResolvers<void>();
  const one = turns.take("a", patient(), async () => {
    await first.promise;
    throw new Error("failed");
  });
  const two = turns.take("a", { ...patient(), patienceMs: 0 }, async () => assert.fail("it was not wanted any more"));
  const given = new AbortController();
  const three = turns.take("a", { ...patient(), signal: given.signal }, async () => assert.fail("it was given up"));
  const four = turns.take("a", patient(), async () => "done");
  given.abort();
  await Promise.all([assert.rejects(two, { message: "late" }), assert.rejects(three, { message: "late" })]);
  first.resolve();
  await assert.rejects(one, { message: "failed" });
  assert.equal(await four, "done");
  await setImmediate();
  assert.equal(turns.size, 0);
});
