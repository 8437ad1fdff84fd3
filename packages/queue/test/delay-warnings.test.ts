import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { delayText, dueWarnings } from "../src/delay-warnings.ts";

const HOUR = 3_600_000;
/** Exim's manual, `delay_warning`: `2h:12h:99d` warns at 2 h and at 12 h; the last gap repeats. */
const cases: readonly [schedule: readonly number[], ageHours: number, count: number, delayHours: number][] = [
  [[24], 23.9, 0, 0],
  [[24], 24, 1, 24],
  [[24], 47.9, 1, 24],
  [[24], 48, 2, 48],
  [[24], 24 * 9 + 1, 9, 216],
  [[4, 8, 24], 3, 0, 0],
  [[4, 8, 24], 4, 1, 4],
  [[4, 8, 24], 10, 2, 8],
  [[4, 8, 24], 24, 3, 24],
  [[4, 8, 24], 39, 3, 24],
  [[4, 8, 24], 40, 4, 40],
  [[2, 12, 24 * 99], 30, 2, 12],
  [[5, 5], 12, 2, 5],
];

describe("how many warnings are due", () => {
  for (const [schedule, age, count, delay] of cases) {
    test(`${schedule.join(":")} at ${age} h`, () => {
      const due = dueWarnings(
        schedule.map((hours) => hours * HOUR),
        age * HOUR,
      );
      assert.deepEqual(due, { count, delayMs: delay * HOUR });
    });
  }
});

test("the delay is told as Exim tells it", () => {
  assert.deepEqual(
    [0.5, 1, 1.99, 2, 24, 100].map((hours) => delayText(hours * HOUR)),
    [...["30 minutes", "60 minutes", "119 minutes", "2 hours", "24 hours", "100 hours"]],
  );
});
