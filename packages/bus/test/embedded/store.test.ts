import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Store } from "../../src/embedded/store.ts";
import { openStore } from "./open-store.ts";

function emptyDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "postbus-store-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const put = (store: Store, key: string, value: Buffer | string | undefined): Promise<void> =>
  store.batch(() => store.tables.content.write(key, value));

const contents = ({ tables }: Store): [string, number][] =>
  [...tables.content.rows({ start: "" })].map(({ key, value }) => [key, value.length]);

/** What a process finds that comes after one that was killed now. */
async function afterKill(t: TestContext, directory: string): Promise<{ rows: [string, number][]; count: number }> {
  const copy = emptyDirectory(t);
  cpSync(directory, copy, { recursive: true });
  const store = openStore(copy);
  const found = { rows: contents(store), count: store.tables.content.count };
  await store.close();
  return found;
}

test("what a batch has said is there after a kill, in the tables' file or not", async (t) => {
  const directory = emptyDirectory(t);
  const store = openStore(directory);
  await put(store, "a", "one");
  await put(store, "b", Buffer.alloc(5_000));
  await put(store, "a", undefined);
  assert.deepEqual(contents(store), [["b", 5_000]]);
  assert.deepEqual(await afterKill(t, directory), { rows: [["b", 5_000]], count: 1 });
  await store.close();
  const later = openStore(directory);
  assert.deepEqual(contents(later), [["b", 5_000]]);
  await put(later, "c", "three");
  const want: [string, number][] = [
    ["b", 5_000],
    ["c", 5],
  ];
  assert.deepEqual((await afterKill(t, directory)).rows, want);
  await later.close();
});

test("far more than the journal has room for, and batches that are larger than it", async (t) => {
  const directory = emptyDirectory(t);
  const store = openStore(directory);
  const want = new Map<string, number>();
  for (let n = 0; n < 120; n++) {
    const size = n % 40 === 39 ? 9_000_000 : 400_000 + n;
    const key = `key-${n % 50}`;
    await put(store, key, Buffer.alloc(size));
    want.set(key, size);
    if (n % 40 === 39) assert.deepEqual((await afterKill(t, directory)).rows, [...want].sort());
  }
  assert.deepEqual(contents(store), [...want].sort());
  await store.close();
});

test("a batch whose function throws writes nothing, and the next one does", async (t) => {
  const store = openStore(emptyDirectory(t));
  await assert.rejects(
    store.batch(() => {
      store.tables.content.write("a", "one");
      throw new Error("no");
    }),
    /no/,
  );
  assert.throws(() => store.tables.content.write("a", "one"), /outside of a batch/);
  await put(store, "b", "two");
  assert.deepEqual(contents(store), [["b", 3]]);
  await store.close();
});

test("the greatest key, wherever it is", async (t) => {
  const store = openStore(emptyDirectory(t));
  const { events } = store.tables;
  assert.equal(events.lastKey(), undefined);
  for (const key of ["a", "c", "b"]) await store.batch(() => events.write(key, "x"));
  assert.equal(events.lastKey(), "c");
  await store.batch(() => events.write("c", undefined));
  assert.equal(events.lastKey(), "b");
  await store.close();
});
