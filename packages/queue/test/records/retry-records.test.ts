import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Entry } from "@postbus/bus";
import type { RetryRecord } from "../../src/records/retry-record.ts";
import { RetryRecords, type RetryRecordsOptions } from "../../src/records/retry-records.ts";

const KEY = "T:mx.test:10.0.0.1";
const DAY = 86_400_000;
const record: RetryRecord = {
  ...{ firstFailedAtMs: 0, lastTriedAtMs: 0, nextTryAtMs: 60_000, isExpired: false, errno: 111, text: "refused" },
};

/** A store that several replicas share, and that can be away. */
class Store {
  readonly entries = new Map<string, unknown>();
  gets = 0;
  deletes = 0;
  onGet: (() => Promise<void>) | undefined;
  isAway = false;

  async get(key: string): Promise<Entry | undefined> {
    this.gets++;
    await this.onGet?.();
    if (this.isAway) throw new Error("no answer");
    const value = this.entries.get(key);
    return value === undefined ? undefined : { key, value, revision: 1 };
  }

  async put(key: string, value: unknown): Promise<number> {
    if (this.isAway) throw new Error("no answer");
    this.entries.set(key, value);
    return 1;
  }

  async delete(key: string): Promise<void> {
    this.deletes++;
    this.entries.delete(key);
  }
}

function replica(store: Store, changes: Partial<RetryRecordsOptions> = {}): RetryRecords {
  const unexpected = (err: unknown) => assert.fail(String(err));
  return new RetryRecords({ values: store, expireMs: () => 7 * DAY, now: () => 0, onTrouble: unexpected, ...changes });
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("retry records", () => {
  test("what one replica writes another reads", async () => {
    const store = new Store();
    replica(store).write(KEY, record);
    await settled();
    const { text, nextTryAtMs } = (await replica(store).read(KEY)) ?? {};
    assert.deepEqual([text, nextTryAtMs], ["refused", 60_000]);
  });

  test("the store is asked once, then not before some seconds have passed", async () => {
    const store = new Store();
    let nowMs = 0;
    const records = replica(store, { now: () => nowMs });
    await Promise.all([records.read(KEY), records.read(KEY)]);
    for (let i = 0; i < 100; i++) assert.equal(records.read(KEY), undefined);
    assert.equal(store.gets, 1);
    nowMs = 10_000;
    for (let i = 0; i < 100; i++) assert.equal(records.read(KEY), undefined);
    assert.equal(store.gets, 2);
  });

  test("another's failure, and another's success, are seen after some seconds", async () => {
    const store = new Store();
    let nowMs = 0;
    const [one, other] = [replica(store, { now: () => nowMs }), replica(store)];
    await one.read(KEY);
    await other.read(KEY);
    other.write(KEY, record);
    nowMs = 10_000;
    await one.read(KEY);
    await settled();
    assert.equal((await one.read(KEY))?.errno, 111);
    other.forget(KEY);
    nowMs = 20_000;
    await one.read(KEY);
    await settled();
    assert.equal(await one.read(KEY), undefined);
  });

  test("what was heard long ago is not gone by: it is asked for again, and without an answer nothing is known", async () => {
    const store = new Store();
    let nowMs = 0;
    const records = replica(store, { now: () => nowMs, onTrouble: () => undefined });
    records.write(KEY, record);
    await settled();
    // Another has seen it succeed; days later it fails once more.
    store.entries.clear();
    nowMs = 5 * DAY;
    assert.equal(await records.read(KEY), undefined);
    records.write(KEY, { ...record, lastTriedAtMs: nowMs });
    await settled();
    nowMs += 120_000;
    assert.equal((await records.read(KEY))?.errno, 111);
    store.isAway = true;
    nowMs += 120_000;
    assert.equal(await records.read(KEY), undefined);
  });

  test("a success removes the record, and costs nothing where there is none", async () => {
    const store = new Store();
    const records = replica(store);
    records.write(KEY, record);
    await settled();
    assert.equal(store.entries.size, 1);
    records.forget(KEY);
    records.forget("T:other");
    await settled();
    assert.deepEqual([store.entries.size, records.read(KEY)], [0, undefined]);
  });

  test("what has not been tried for retry_data_expire is not known", () => {
    const records = replica(new Store(), { now: () => 8 * DAY });
    records.write(KEY, record);
    assert.equal(records.read(KEY), undefined);
  });

  test("without a store what this process has seen counts, and the trouble is told once", async () => {
    const store = new Store();
    store.isAway = true;
    const troubles: string[] = [];
    const records = replica(store, { onTrouble: (err) => troubles.push(String(err)) });
    assert.equal(await records.read(KEY), undefined);
    records.write(KEY, record);
    records.write(KEY, { ...record, errno: 110 });
    await settled();
    assert.equal((await records.read(KEY))?.errno, 110);
    assert.equal(troubles.length, 1);
  });

  test("what another version has written is as if it were not there", async () => {
    const store = new Store();
    replica(store).write(KEY, record);
    await settled();
    for (const key of store.entries.keys()) store.entries.set(key, { nextTryAtMs: "soon" });
    assert.equal(await replica(store).read(KEY), undefined);
  });

  test("several are asked for beside each other, and then known", async () => {
    const store = new Store();
    const records = replica(store);
    let open = 0;
    let most = 0;
    store.onGet = async () => {
      most = Math.max(most, ++open);
      await settled();
      open--;
    };
    const keys = Array.from({ length: 50 }, (_, i) => `T:h${i}`);
    await records.readAll([...keys, ...keys]);
    assert.deepEqual([most, store.gets], [50, 50]);
    for (const key of keys) assert.equal(records.read(key), undefined);
    await records.readAll(keys);
    assert.equal(store.gets, 50);
  });

  test("a store that does not answer holds up all that are asked for together no longer than one", async (t) => {
    const store = new Store();
    const records = replica(store);
    t.mock.timers.enable({ apis: ["setTimeout"] });
    store.onGet = () => new Promise(() => {});
    let isOver = false;
    const reading = records.readAll(Array.from({ length: 500 }, (_, i) => `T:h${i}`)).then(() => {
      isOver = true;
    });
    t.mock.timers.tick(999);
    await settled();
    assert.equal(isOver, false);
    t.mock.timers.tick(1);
    await reading;
  });
});

describe("more retry records than are held in memory", () => {
  const FAILED = 25_000;
  const keyOf = (i: number) => `T:h${i}`;

  async function full(): Promise<{ readonly store: Store; readonly records: RetryRecords }> {
    const store = new Store();
    const records = replica(store);
    for (let i = 0; i < FAILED; i++) {
      records.write(keyOf(i), record);
      // One that is asked for again and again.
      if (i % 500 === 0) {
        await records.read(keyOf(0));
        await settled();
      }
    }
    await settled();
    return { store, records };
  }

  test("all stay in the store, and are read from there", async () => {
    const { store, records } = await full();
    assert.equal(store.entries.size, FAILED);
    assert.equal((await records.read(keyOf(1)))?.errno, 111);
    assert.equal(store.gets, 1);
  });

  test("what is used stays, however old it is", async () => {
    const { store, records } = await full();
    assert.equal((await records.read(keyOf(0)))?.errno, 111);
    assert.equal(store.gets, 0);
  });

  test("a success wipes out what has made room, too; for what has never failed, the store is not troubled", async () => {
    const { store, records } = await full();
    records.forget(keyOf(1));
    records.forget(keyOf(FAILED - 1));
    for (let i = 0; i < 100; i++) records.forget(`T:never-failed-${i}`);
    await settled();
    assert.equal(store.entries.size, FAILED - 2);
    assert.ok(store.deletes < 5, String(store.deletes));
    assert.equal(await records.read(keyOf(1)), undefined);
  });
});
