import assert from "node:assert/strict";
import { test } from "node:test";
import { KeptVerdicts } from "../src/kept-verdicts.ts";

test("a verdict is kept for its time", () => {
  let nowMs = 0;
  const kept = new KeptVerdicts(() => nowMs);
  const verdict = { engine: "malware", name: "Worm" } as const;
  kept.keep("a", verdict, 1_000);
  nowMs = 999;
  assert.deepEqual(kept.get("a"), verdict);
  nowMs = 1_000;
  assert.equal(kept.get("a"), undefined);
});

test("all together are no more than 16 MiB: the oldest go", () => {
  const kept = new KeptVerdicts(() => 0);
  const report = "x".repeat(1024 * 1024);
  const verdict = { engine: "spam", score: 1, threshold: 5, action: "no action", report } as const;
  for (let i = 0; i < 20; i++) kept.keep(`${i}`, verdict, 1_000);
  const there = Array.from({ length: 20 }, (_, i) => i).filter((i) => kept.get(`${i}`) !== undefined);
  assert.deepEqual(there, [5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
});
