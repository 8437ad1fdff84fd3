import assert from "node:assert/strict";
import { test } from "node:test";
import type { Open } from "../contract.ts";
import { eventually } from "../contract-items.ts";

export function keyValueContract(open: Open): void {
  test("what was put can be read, replaced, listed and deleted", async (t) => {
    const { bus } = await open(t);
    const kv = bus.keyValue("fleet");
    assert.equal(await kv.get("a/1"), undefined);
    const first = await kv.put("a/1", { name: "one" });
    assert.deepEqual(await kv.get("a/1"), { key: "a/1", value: { name: "one" }, revision: first });
    const second = await kv.put("a/1", { name: "uno" });
    assert.ok(second > first);
    await kv.put("a/2", [1, "zwei", null]);
    await kv.put("b/1", 7);
    const keys = async (prefix?: string): Promise<string[]> =>
      (await kv.list(prefix)).map((entry) => entry.key).toSorted();
    await eventually(async () => assert.deepEqual(await keys(), ["a/1", "a/2", "b/1"]));
    assert.deepEqual(await keys("a/"), ["a/1", "a/2"]);
    await kv.delete("a/1");
    assert.equal(await kv.get("a/1"), undefined);
    assert.deepEqual(await keys("a/"), ["a/2"]);
  });

  test("buckets do not see each other", async (t) => {
    const { bus } = await open(t);
    await bus.keyValue("fleet").put("k", 1);
    assert.equal(await bus.keyValue("claims").get("k"), undefined);
    assert.deepEqual(await bus.keyValue("claims").list(), []);
  });

  test("of fifty who create the same key at once, one wins", async (t) => {
    const { bus } = await open(t);
    const kv = bus.keyValue("claims");
    const revisions = await Promise.all(Array.from({ length: 50 }, (_, i) => kv.create("item", { claimant: i })));
    const winners = revisions.flatMap((revision, i) => (revision === undefined ? [] : [i]));
    assert.equal(winners.length, 1);
    assert.deepEqual((await kv.get("item"))?.value, { claimant: winners[0] });
  });

  test("an update holds only against the revision that was read", async (t) => {
    const { bus } = await open(t);
    const kv = bus.keyValue("claims");
    const first = await kv.create("k", "a");
    assert.ok(first !== undefined);
    assert.equal(await kv.create("k", "b"), undefined);
    const second = await kv.update("k", "b", first);
    assert.ok(second !== undefined && second > first);
    assert.equal(await kv.update("k", "c", first), undefined);
    assert.equal((await kv.get("k"))?.value, "b");
    await kv.delete("k");
    assert.equal(await kv.update("k", "d", second), undefined);
    const third = await kv.create("k", "e");
    assert.ok(third !== undefined && third > second);
  });

  test("an entry with a time to live goes by itself, and can be created again", async (t) => {
    const { bus } = await open(t);
    const kv = bus.keyValue("claims");
    await kv.put("stays", 1);
    await kv.create("goes", 1, { ttlMs: 1_000 });
    assert.equal((await kv.get("goes"))?.value, 1);
    await eventually(async () => assert.equal(await kv.get("goes"), undefined));
    await eventually(async () =>
      assert.deepEqual(
        (await kv.list()).map((entry) => entry.key),
        ["stays"],
      ),
    );
    assert.notEqual(await kv.create("goes", 2), undefined);
  });
}
