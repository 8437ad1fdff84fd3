import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Entry } from "@postbus/bus";
import { DEFAULT_QUEUE_RULES } from "../../src/queue-rules.ts";
import { AddressRetries } from "../../src/records/address-retries.ts";
import { RetryRecords } from "../../src/records/retry-records.ts";
import type { RetryStep } from "../../src/retry-delay.ts";

const MINUTE = 60_000;
const T0 = 1_795_225_000_000;
const KEY = "R:r@b.test:<s@a.test>";
const GROWING: readonly RetryStep[] = [{ kind: "G", cutoffMs: 60 * MINUTE, intervalMs: MINUTE, factor: 2 }];

/** Each failure and each look is another replica's: nothing but the store is remembered. */
class Replicas {
  nowMs = T0;
  readonly entries = new Map<string, unknown>();

  get any(): AddressRetries {
    const records = new RetryRecords({
      values: {
        get: async (key): Promise<Entry | undefined> =>
          this.entries.has(key) ? { key, value: this.entries.get(key), revision: 1 } : undefined,
        put: async (key, value) => this.entries.set(key, value).size,
        delete: async (key) => void this.entries.delete(key),
      },
      expireMs: () => 7 * 24 * 60 * MINUTE,
      now: () => this.nowMs,
      onTrouble: (err) => assert.fail(String(err)),
    });
    return new AddressRetries({ records, rules: () => DEFAULT_QUEUE_RULES });
  }

  fail(steps = GROWING, changes: { readonly receivedAtMs?: number; readonly startedAtMs?: number } = {}) {
    const result = { errno: -44, text: "450 later" };
    const when = { receivedAtMs: this.nowMs, startedAtMs: this.nowMs, nowMs: this.nowMs, random: () => 0 };
    return this.any.failed(KEY, { result, isHost: false, ...when, ...changes }, steps);
  }
}

describe("an address that fails", () => {
  test("is put off for longer with each failure, whichever message it is", async () => {
    const replicas = new Replicas();
    const minutes: number[] = [];
    for (let i = 0; i < 4; i++) {
      const { nextTryAtMs } = await replicas.fail();
      minutes.push((nextTryAtMs - replicas.nowMs) / MINUTE);
      replicas.nowMs = nextTryAtMs;
    }
    assert.deepEqual(minutes, [1, 2, 4, 8]);
  });

  test("in attempts that overlap, has failed once", async () => {
    const replicas = new Replicas();
    const first = await replicas.fail();
    replicas.nowMs += 2_000;
    const { nextTryAtMs } = await replicas.fail(GROWING, { startedAtMs: T0 });
    assert.equal(nextTryAtMs, first.nextTryAtMs);
  });

  test("for longer than the rules go ends a new message, too; a success wipes that out", async () => {
    const replicas = new Replicas();
    await replicas.fail();
    replicas.nowMs += 61 * MINUTE;
    assert.equal((await replicas.fail()).hasTimedOut, true);
    replicas.any.forget(KEY, true);
    assert.equal((await replicas.fail()).hasTimedOut, false);
  });

  test("without a rule is over at once, and nothing is remembered", async () => {
    const replicas = new Replicas();
    assert.deepEqual(await replicas.fail([]), { nextTryAtMs: T0, hasTimedOut: true });
    assert.equal(replicas.entries.size, 0);
  });

  test("of an old message times out though others have come through in the meantime", async () => {
    const replicas = new Replicas();
    const { hasTimedOut } = await replicas.fail(GROWING, { receivedAtMs: T0 - 61 * MINUTE });
    assert.equal(hasTimedOut, true);
  });
});

test("only a process that knows of a failure has anything to forget", async () => {
  const replicas = new Replicas();
  const { any: one } = replicas;
  assert.equal(one.isEmpty, true);
  await one.read(KEY);
  assert.equal(one.isEmpty, false);
  await replicas.fail();
  one.forget(KEY, false);
  assert.equal(replicas.entries.size, 1, "what it does not know stays");
  one.forget(KEY, true);
  assert.equal(replicas.entries.size, 0);
});
