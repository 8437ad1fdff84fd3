import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Draft } from "../../src/embedded/draft.ts";
import { Values } from "../../src/embedded/key-value.ts";
import { openStore } from "./open-store.ts";

test("what has expired is forgotten, however much it is, in several turns of the event loop; the rest stays", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "postbus-values-"));
  // What writes there is stopped by a later hook.
  t.after(() => rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
  const store = openStore(directory);
  t.after(() => store.close());
  const { values: table } = store.tables;
  const draft = new Draft();
  for (let i = 0; i < 5_000; i++) {
    draft.replace(table, `a/${i}`, `{"r":${i},"e":1000,"v":1}`);
    // Its own words look like an expiry.
    if (i % 10 === 0) draft.replace(table, `b/${i}`, `{"r":${i},"v":"\\"e\\":1,"}`);
    if (i % 10 === 1) draft.replace(table, `b/${i}`, `{"r":${i},"e":3000,"v":1}`);
  }
  await store.batch(() => draft.write());
  let commits = 0;
  const writes: Promise<unknown>[] = [];
  const sweeping = new Values(
    store.tables,
    () => 2_000,
    (change) => {
      commits++;
      const dropped = new Draft();
      change.apply(dropped);
      writes.push(store.batch(() => dropped.write()));
    },
  );
  let turns = 0;
  await sweeping.sweep(() => ++turns > 0);
  await Promise.all(writes);
  assert.ok(commits > 1 && turns > 2, `${commits} commits in ${turns} turns`);
  assert.deepEqual([...table.keys({ start: "a/", end: "a/\xff" })], []);
  assert.equal([...table.keys({ start: "b/" })].length, 1_000);
});

test("the sweep ends when the storage is closed", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "postbus-values-"));
  // What writes there is stopped by a later hook.
  t.after(() => rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
  const store = openStore(directory);
  const sweeping = new Values(
    store.tables,
    () => 2_000,
    () => assert.fail("a change"),
  );
  await store.close();
  await sweeping.sweep(() => false);
});
