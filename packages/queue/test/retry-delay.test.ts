import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { RETRY_INTERVAL_MAX_MS, type RetryStep, retryDelay } from "../src/retry-delay.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Exim's example default: `F,2h,15m; G,16h,1h,1.5; F,4d,6h`. */
const standard: readonly RetryStep[] = [
  { kind: "F", cutoffMs: 2 * HOUR, intervalMs: 15 * MINUTE },
  { kind: "G", cutoffMs: 16 * HOUR, intervalMs: HOUR, factor: 1.5 },
  { kind: "F", cutoffMs: 4 * DAY, intervalMs: 6 * HOUR },
];
const growing: readonly RetryStep[] = [{ kind: "G", cutoffMs: 4 * DAY, intervalMs: HOUR, factor: 2 }];
const scattered: readonly RetryStep[] = [{ kind: "H", cutoffMs: 4 * DAY, intervalMs: HOUR, factor: 2 }];

/** Expected values follow the formulas of the Exim specification, "Retry configuration". */
const cases = [
  { name: "F: the interval, at first", steps: standard, failing: 0, planned: 0, want: 15 * MINUTE },
  { name: "F: the interval, always", steps: standard, failing: HOUR, planned: 15 * MINUTE, want: 15 * MINUTE },
  { name: "the cutoff itself belongs to the step", steps: standard, failing: 2 * HOUR, planned: 0, want: 15 * MINUTE },
  { name: "past the cutoff the next step begins", steps: standard, failing: 2 * HOUR + 1, planned: 0, want: HOUR },
  { name: "G: the interval while the last gap is below it", steps: growing, failing: 1, planned: HOUR - 1, want: HOUR },
  { name: "G: grows by the factor", steps: standard, failing: 3 * HOUR, planned: HOUR, want: 1.5 * HOUR },
  { name: "past the last cutoff the last step goes on", steps: standard, failing: 9 * DAY, planned: 0, want: 6 * HOUR },
  { name: "retry_interval_max bounds the growth", steps: growing, failing: DAY, planned: 20 * HOUR, want: DAY },
  { name: "H: the interval for sure", steps: scattered, failing: 0, planned: 0, random: 0.9, want: HOUR },
  { name: "H: half of the growth for sure", steps: scattered, failing: 0, planned: HOUR, random: 0, want: 1.5 * HOUR },
  {
    name: "H: the other half by chance",
    steps: scattered,
    failing: 0,
    planned: HOUR,
    random: 0.5,
    want: 1.75 * HOUR,
  },
  { name: "without steps the first failure is final", steps: [], failing: 0, planned: 0, want: undefined },
];

describe("retryDelay", () => {
  for (const { name, steps, failing, planned, random, want } of cases) {
    test(name, () => {
      const failure = { failingForMs: failing, plannedGapMs: planned, actualGapMs: planned };
      assert.equal(
        retryDelay(steps, failure, RETRY_INTERVAL_MAX_MS, () => random ?? 0),
        want,
      );
    });
  }

  test("a late queue run does not speed the growth", () => {
    const failure = { failingForMs: DAY, plannedGapMs: HOUR, actualGapMs: 9 * HOUR };
    assert.equal(
      retryDelay(growing, failure, RETRY_INTERVAL_MAX_MS, () => 0),
      2 * HOUR,
    );
  });

  test("an early attempt (taken by an operator) slows the growth", () => {
    const failure = { failingForMs: DAY, plannedGapMs: 8 * HOUR, actualGapMs: 2 * HOUR };
    assert.equal(
      retryDelay(growing, failure, RETRY_INTERVAL_MAX_MS, () => 0),
      4 * HOUR,
    );
  });

  test("a clock that was set back counts as no gap", () => {
    const failure = { failingForMs: -HOUR, plannedGapMs: HOUR, actualGapMs: -HOUR };
    assert.equal(
      retryDelay(growing, failure, RETRY_INTERVAL_MAX_MS, () => 0),
      HOUR,
    );
  });

  test("any delay is a whole number of milliseconds, above zero and within the bound", () => {
    const ms = fc.integer({ min: 0, max: 30 * DAY });
    const interval = fc.integer({ min: 1, max: 2 * DAY });
    const step = fc.oneof(
      fc.record({ kind: fc.constant("F" as const), cutoffMs: ms, intervalMs: interval }),
      fc.record({
        kind: fc.constantFrom("G" as const, "H" as const),
        cutoffMs: ms,
        intervalMs: interval,
        factor: fc.double({ min: 1, max: 10, noNaN: true }),
      }),
    );
    const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1 }),
        ms,
        ms,
        ms,
        chance,
        (steps, failingForMs, planned, actual, random) => {
          const failure = { failingForMs, plannedGapMs: planned, actualGapMs: actual };
          const delay = retryDelay(steps, failure, RETRY_INTERVAL_MAX_MS, () => random);
          assert.ok(delay !== undefined && Number.isInteger(delay) && delay > 0 && delay <= RETRY_INTERVAL_MAX_MS);
        },
      ),
    );
  });
});
