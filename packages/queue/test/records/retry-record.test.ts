import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failedAgain, isPastLastCutoff, type RetryRecord } from "../../src/records/retry-record.ts";
import type { RetryStep } from "../../src/retry-delay.ts";

const SECOND = 1_000;
const rules = { retryIntervalMaxMs: 86_400_000 };
const seconds = (step: RetryStep): RetryStep => ({
  ...step,
  cutoffMs: step.cutoffMs * SECOND,
  intervalMs: step.intervalMs * SECOND,
});
/** `F,4s,2s; G,14s,3s,1.5; H,22s,4s,2` */
const steps: readonly RetryStep[] = [
  { kind: "F" as const, cutoffMs: 4, intervalMs: 2 },
  { kind: "G" as const, cutoffMs: 14, intervalMs: 3, factor: 1.5 },
  { kind: "H" as const, cutoffMs: 22, intervalMs: 4, factor: 2 },
].map(seconds);

/**
 * Exim 4.98 with these rules, a host that refuses connections, and a queue run every second; what `-d+retry` says when it
 * writes the record, seconds after the first failure, when the message came, too. Exim counts in whole seconds.
 */
const recorded = [
  { tried: 0, next: 2, isExpired: false },
  { tried: 2, next: 4, isExpired: false },
  { tried: 4, next: 6, isExpired: false },
  { tried: 7, next: 10, isExpired: false },
  { tried: 10, next: 14, isExpired: false },
  { tried: 14, next: 20, isExpired: false },
  { tried: 20, next: 28, isExpired: false },
  // Its time has not come, but the message's is over.
  { tried: 23, next: 28, isExpired: true },
];

test("the record of a host grows as Exim's does", () => {
  let record: RetryRecord | undefined;
  for (const { tried, next, isExpired } of recorded) {
    const nowMs = tried * SECOND;
    const failure = { errno: 111, text: "Connection refused", nowMs, receivedAtMs: 0, isHost: true };
    const { record: after, hasTimedOut } = failedAgain(record, failure, steps, rules, () => 0);
    assert.ok(after !== undefined);
    assert.ok(Math.abs(after.nextTryAtMs - next * SECOND) < SECOND, `${tried}: ${after.nextTryAtMs} is not ${next} s`);
    assert.deepEqual([after.firstFailedAtMs, after.isExpired, hasTimedOut], [0, isExpired, isExpired]);
    record = { ...after, nextTryAtMs: next * SECOND };
  }
});

describe("an address", () => {
  const failure = { errno: -44, text: "450 later", nowMs: 100 * SECOND, receivedAtMs: 0, isHost: false };

  test("has been failing since its message came, if that is longer", () => {
    const { record, hasTimedOut } = failedAgain(undefined, failure, steps, rules, () => 0);
    assert.deepEqual([record?.firstFailedAtMs, record?.isExpired, hasTimedOut], [100 * SECOND, true, true]);
  });

  test("without a rule has failed at once, and nothing is remembered", () => {
    assert.deepEqual(
      failedAgain(undefined, failure, [], rules, () => 0),
      { record: undefined, hasTimedOut: true },
    );
  });
});

test("a message that alone fails at a host ends with its own age; others are tried at once", () => {
  const failure = { errno: 110, text: "timeout", nowMs: 100 * SECOND, receivedAtMs: 0, isHost: true };
  const { record, hasTimedOut } = failedAgain(undefined, failure, steps, rules, () => 0);
  assert.deepEqual([record?.isExpired, record?.nextTryAtMs, hasTimedOut], [false, 100 * SECOND, true]);
});

test("a message is tried in any case when it is older than the last cutoff, or no rule is for it", () => {
  assert.equal(isPastLastCutoff(steps, 22 * SECOND), false);
  assert.equal(isPastLastCutoff(steps, 22 * SECOND + 1), true);
  assert.equal(isPastLastCutoff([], 0), true);
});
