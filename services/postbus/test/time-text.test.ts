import assert from "node:assert/strict";
import { test } from "node:test";
import { spanText } from "../src/time-text.ts";

const cases = [
  [-5, "0s"],
  [0, "0s"],
  [59_999, "59s"],
  [60_000, "1m"],
  [3_599_000, "59m"],
  [3_600_000, "1h"],
  [90_000_000, "1d"],
] as const;

for (const [ms, want] of cases) test(`${ms} ms are ${want}`, () => assert.equal(spanText(ms), want));
