import assert from "node:assert/strict";
import { test } from "node:test";
import { hasTimedOut } from "../src/has-timed-out.ts";

const steps = [
  { kind: "F", cutoffMs: 1_000, intervalMs: 100 },
  { kind: "F", cutoffMs: 5_000, intervalMs: 500 },
] as const;

const cases = [
  { name: "not before the last cutoff", steps, failing: 1_001, want: false },
  { name: "not at the last cutoff", steps, failing: 5_000, want: false },
  { name: "past the last cutoff", steps, failing: 5_001, want: true },
  { name: "at once without steps", steps: [], failing: 0, want: true },
];

for (const { name, steps, failing, want } of cases) test(name, () => assert.equal(hasTimedOut(steps, failing), want));
