import assert from "node:assert/strict";
import { test } from "node:test";
import { Places } from "../../src/hosts/places.ts";

test("who comes when all places are taken waits for its turn, or until its time is over", async () => {
  const places = new Places(1);
  const { signal } = new AbortController();
  await places.take(signal);
  const order: string[] = [];
  const first = places.take(signal).then(() => order.push("first"));
  const impatient = new AbortController();
  const never = places.take(impatient.signal);
  const second = places.take(signal).then(() => order.push("second"));
  impatient.abort(new Error("too late"));
  await assert.rejects(never, /too late/);
  places.give();
  await first;
  places.give();
  await second;
  assert.deepEqual(order, ["first", "second"]);
  assert.equal(places.taken, 1);
  places.give();
  assert.equal(places.taken, 0);
  await assert.rejects(places.take(AbortSignal.abort(new Error("gone"))), /gone/);
});
