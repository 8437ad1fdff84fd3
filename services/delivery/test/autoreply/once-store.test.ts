import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { OnceStore } from "../../src/autoreply/once-store.ts";
import { MemoryValues } from "./memory-values.ts";

const DAY = 86_400_000;

describe("who has got a reply", () => {
  test("gets no other one", async () => {
    const store = new OnceStore(new MemoryValues(), () => 1);
    assert.equal(await store.claim("/v", "a@b.test", "item1", 0), true);
    assert.equal(await store.claim("/v", "a@b.test", "item2", 0), false);
  });

  test("gets one of another store, and others get one of this", async () => {
    const store = new OnceStore(new MemoryValues(), () => 1);
    assert.equal(await store.claim("/v", "a@b.test", "item1", 0), true);
    assert.equal(await store.claim("/w", "a@b.test", "item2", 0), true);
    assert.equal(await store.claim("/v", "A@b.test", "item3", 0), true);
  });

  test("gets the same again when its item is handled again after a crash", async () => {
    const store = new OnceStore(new MemoryValues(), () => 1);
    assert.equal(await store.claim("/v", "a@b.test", "item1", 0), true);
    assert.equal(await store.claim("/v", "a@b.test", "item1", 0), true);
  });

  test("gets another one after once_repeat", async () => {
    let now = 0;
    const store = new OnceStore(new MemoryValues(), () => now);
    assert.equal(await store.claim("/v", "a@b.test", "item1", 7 * DAY), true);
    now = 7 * DAY - 1;
    assert.equal(await store.claim("/v", "a@b.test", "item2", 7 * DAY), false);
    now++;
    assert.equal(await store.claim("/v", "a@b.test", "item3", 7 * DAY), true);
    assert.equal(await store.claim("/v", "a@b.test", "item4", 7 * DAY), false);
  });

  test("gets one, if two are asked for at one time", async () => {
    const values = new MemoryValues();
    const stores = [new OnceStore(values, () => 1), new OnceStore(values, () => 1)];
    const answers = await Promise.all(stores.map((store, i) => store.claim("/v", "a@b.test", `item${i}`, 0)));
    assert.deepEqual(answers.sort(), [false, true]);
  });

  test("is forgotten in time", async () => {
    const values = new MemoryValues();
    const store = new OnceStore(values, () => 1);
    await store.claim("/v", "a@b.test", "item1", DAY);
    await store.claim("/v", "c@b.test", "item2", 0);
    assert.deepEqual([...values.entries.values()].map(({ ttlMs }) => ttlMs).sort(), [DAY, 365 * DAY].sort());
  });
});
