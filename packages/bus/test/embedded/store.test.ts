import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { BusFullError } from "../../src/bus-error.ts";
import { JournalFile } from "../../src/embedded/journal-file.ts";
import { Room } from "../../src/embedded/room.ts";
import type { Store } from "../../src/embedded/store.ts";
import { TablesFile } from "../../src/embedded/tables-file.ts";
import { eventually } from "../contract-items.ts";
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

test("a key that LMDB would not take is refused before it is in the journal", async (t) => {
  const store = openStore(emptyDirectory(t));
  await assert.rejects(put(store, "", "x"), /a key of 0 octets/);
  await assert.rejects(put(store, "k".repeat(1_979), "x"), /a key of 1979 octets/);
  await put(store, "k".repeat(1_978), "x");
  assert.deepEqual(await store.close(), { isSettled: true, isReleased: true });
});

describe("a tables' file that cannot be written", () => {
  const failure = Object.assign(new Error("EIO: of the test"), { code: "EIO", errno: -5 });
  const large = "x".repeat(100_000);

  test("refuses what is new once the journal is half full, and not what ends; nothing is lost", async (t) => {
    const directory = emptyDirectory(t);
    const store = openStore(directory);
    const { mock } = t.mock.method(TablesFile.prototype, "transaction", async () => Promise.reject(failure));
    let stored = 0;
    for (; store.refusal === undefined; stored++) await put(store, `key-${stored}`, large);
    assert.match(String(store.refusal), /has not kept up .*EIO: of the test/);
    assert.ok(stored > 35 && stored < 60, `${stored} of 100 KB`);
    for (let n = 0; n < stored; n++) await put(store, `key-${n}`, undefined);
    assert.deepEqual(contents(store), []);
    assert.deepEqual((await afterKill(t, directory)).rows, []);
    mock.restore();
    await put(store, "last", "x");
    assert.deepEqual(await store.close(), { isSettled: true, isReleased: true });
  });

  test("and a journal that is full reject what comes, and take it again when the file can be written", async (t) => {
    const store = openStore(emptyDirectory(t));
    const { mock } = t.mock.method(TablesFile.prototype, "transaction", async () => Promise.reject(failure));
    let stored = 0;
    await assert.rejects(async () => {
      for (;;) {
        await put(store, `key-${stored}`, large);
        stored++;
      }
    }, /EIO: of the test/);
    await assert.rejects(put(store, `key-${stored}`, large), /EIO: of the test/);
    assert.equal(contents(store).length, stored);
    mock.restore();
    await put(store, `key-${stored}`, large);
    assert.equal(store.refusal, undefined);
    assert.equal(contents(store).length, stored + 1);
    await store.close();
  });

  test("that is full says that there is no room", async (t) => {
    const store = openStore(emptyDirectory(t));
    const full = Object.assign(new Error("ENOSPC: of the test"), { code: "ENOSPC", errno: -28 });
    const { mock } = t.mock.method(TablesFile.prototype, "transaction", async () => Promise.reject(full));
    for (let n = 0; store.refusal === undefined; n++) await put(store, `key-${n}`, large);
    assert.ok(store.refusal instanceof BusFullError);
    mock.restore();
    await store.close();
  });

  test("by a quota, which no look at the disk tells, gets the room of the reserve", async (t) => {
    const directory = emptyDirectory(t);
    const room = new Room(directory);
    room.reserve.makeIfRoom(Number.POSITIVE_INFINITY);
    await eventually(() => assert.ok(room.reserve.isThere));
    const store = openStore(directory, { room });
    const { transaction } = TablesFile.prototype;
    const { mock } = t.mock.method(TablesFile.prototype, "transaction", function (this: TablesFile, write: () => void) {
      // LMDB's errors have only a number.
      const quota = Object.assign(new Error("Disk quota exceeded"), { code: constants.errno.EDQUOT });
      return room.reserve.isThere ? Promise.reject(quota) : transaction.call(this, write);
    });
    for (let n = 0; n < 60; n++) await put(store, `key-${n}`, large);
    await eventually(() => assert.ok(!room.reserve.isThere));
    assert.deepEqual(await store.close(), { isSettled: true, isReleased: true });
    mock.restore();
  });

  test("for want of an answer refuses what is new after a minute, and keeps no bus from closing", async (t) => {
    const directory = emptyDirectory(t);
    let now = 0;
    const store = openStore(directory, { now: () => now });
    const asked = Promise.withResolvers<void>();
    const { mock } = t.mock.method(TablesFile.prototype, "transaction", () => {
      asked.resolve();
      return new Promise<void>(() => {});
    });
    t.mock.timers.enable({ apis: ["setTimeout"] });
    await put(store, "a", "one");
    t.mock.timers.tick(1_000);
    await asked.promise;
    now = 59_000;
    assert.equal(store.refusal, undefined);
    now = 60_000;
    assert.match(String(store.refusal), /has not kept up for 60 s: no answer from the disk/);
    await put(store, "b", "two");
    const closed = store.close();
    t.mock.timers.tick(5_000);
    assert.equal((await closed).isSettled, false);
    mock.restore();
    t.mock.timers.reset();
    assert.deepEqual((await afterKill(t, directory)).rows, [
      ["a", 3],
      ["b", 3],
    ]);
  });
});

test("a record that is still on its way when the bus is closed keeps the tables from being given back", async (t) => {
  const directory = emptyDirectory(t);
  const store = openStore(directory);
  const asked = Promise.withResolvers<void>();
  const written = Promise.withResolvers<void>();
  t.mock.method(JournalFile.prototype, "write", () => {
    asked.resolve();
    return written.promise;
  });
  const putting = put(store, "a", "one");
  await asked.promise;
  assert.deepEqual(await store.close(), { isSettled: false, isReleased: true });
  written.resolve();
  await putting;
});

test("a reserve that cannot be given up keeps no failure from being told", async (t) => {
  const directory = emptyDirectory(t);
  const room = new Room(directory);
  const told: Error[] = [];
  const store = openStore(directory, { room, onFailure: (err) => told.push(err) });
  const failure = Object.assign(new Error("ENOSPC: of the test"), { code: "ENOSPC", errno: -28 });
  t.mock.method(room.reserve, "giveUp", async () => Promise.reject(new Error("EIO: of the reserve")));
  let hasFailed = false;
  t.mock.getter(TablesFile.prototype, "failure", () => (hasFailed ? failure : undefined));
  const { mock } = t.mock.method(TablesFile.prototype, "transaction", async () => {
    hasFailed = true;
    throw failure;
  });
  await assert.rejects(put(store, "a", Buffer.alloc(5_000_000)), /ENOSPC: of the test/);
  assert.deepEqual(told, [failure]);
  hasFailed = false;
  mock.restore();
  await store.close();
});
