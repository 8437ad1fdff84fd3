import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { secondsIn, suspensionLine } from "../../src/commands/suspend.ts";

describe("times of --for", () => {
  const cases = [
    ["30m", 1_800],
    ["1d12h", 129_600],
    ["90s", 90],
    ["1w", 604_800],
  ] as const;
  for (const [text, want] of cases) test(text, () => assert.equal(secondsIn(text), want));
  for (const text of ["", "30", "m", "0s", "1h x", "-1h"]) {
    test(`${JSON.stringify(text)} is none`, () => assert.throws(() => secondsIn(text), /a time like/));
  }
});

test("a suspension is a line, which no reason breaks", () => {
  const one = { target: "b.test", reason: "moves\nhouse", sinceMs: 0, untilMs: 7_200_000 };
  assert.equal(suspensionLine(one, 0), "b.test is suspended for 2h: moves?house");
  assert.equal(suspensionLine({ target: "b.test", reason: "", sinceMs: 0 }, 0), "b.test is suspended");
});
