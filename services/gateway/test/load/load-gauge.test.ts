import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LoadGauge } from "../../src/load/load-gauge.ts";

const MARKS = { delayMs: [500, 2_000], memoryPercent: [80, 90] } as const;

/** The levels, each as its first letter, behind each of the readings (delay, percent). */
function levelsOf(
  readings: readonly (readonly [delayMs: number, memoryPercent: number])[],
  marks: typeof MARKS | undefined = MARKS,
) {
  const gauge = new LoadGauge(marks);
  return readings
    .map(([delayMs, memoryPercent]) => {
      gauge.add({ delayMs, memoryPercent, loadAverage: 0 });
      return gauge.level.charAt(0);
    })
    .join("");
}

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

describe("the level of the load", () => {
  const busy = [600, 10] as const;
  const idle = [0, 10] as const;
  const rows: readonly [title: string, readings: readonly (readonly [number, number])[], levels: string][] = [
    ["nothing to do", times(3, idle), "nnn"],
    ["one long task is no load", [busy, idle, busy, idle], "nnnn"],
    ["two readings are", times(3, busy), "ncc"],
    ["memory counts as well", times(2, [0, 85]), "nc"],
    ["overloaded at once, without being crowded before", times(2, [2_500, 10]), "no"],
    ["overloaded by memory", times(2, [0, 95]), "no"],
    ["crowded, then overloaded", [...times(2, busy), ...times(2, [0, 95] as const)], "ncco"],
    ["it falls after five readings well below the mark", [...times(2, busy), ...times(6, idle)], "ncccccnn"],
    [
      "below the mark, and not well below it, it stays",
      [...times(2, busy), ...times(9, [450, 10] as const)],
      "ncccccccccc",
    ],
    [
      "a reading above it begins the count anew",
      [...times(2, busy), ...times(4, idle), busy, ...times(5, idle)],
      "nccccccccccn",
    ],
    ["it falls step by step", [...times(2, [2_500, 10] as const), ...times(10, idle)], "nooooocccccn"],
  ];
  for (const [title, readings, levels] of rows) test(title, () => assert.equal(levelsOf(readings), levels));

  test("a mark of 0 is none", () => {
    const gauge = new LoadGauge({ delayMs: [0, 0], memoryPercent: [0, 0] });
    for (let i = 0; i < 10; i++) gauge.add({ delayMs: 1e6, memoryPercent: 100, loadAverage: 100 });
    assert.equal(gauge.level, "normal");
  });

  test("it says what was too much, as long as it is", () => {
    const gauge = new LoadGauge(MARKS);
    assert.equal(gauge.problem, "");
    for (let i = 0; i < 2; i++) gauge.add({ delayMs: 600.4, memoryPercent: 12.3, loadAverage: 0 });
    assert.equal(gauge.problem, "event loop 600 ms late, 12 % of memory");
    assert.equal(gauge.rank, 1);
    for (let i = 0; i < 5; i++) gauge.add({ delayMs: 0, memoryPercent: 12, loadAverage: 0 });
    assert.equal(gauge.problem, "");
  });
});
