import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { matchesPattern } from "../../../src/engines/bmi/matches-pattern.ts";

describe("a pattern", () => {
  for (const [pattern, name, fits] of [
    ["abc", "abc", true],
    ["abc", "abcd", false],
    ["", "", true],
    ["*", "", true],
    ["a*", "a", true],
    ["*c", "abc", true],
    ["a*b*c", "axxbxxc", true],
    ["a*b*c", "axxcxxb", false],
    ["ab*ba", "aba", false],
    ["a**c", "abc", true],
    ["a.c", "abc", false],
  ] as const) {
    test(`${pattern} and ${name}`, () => assert.equal(matchesPattern(name, pattern), fits));
  }

  test("fits what a regular expression of the same meaning fits", () => {
    const pattern = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 12 });
    const name = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 12 });
    fc.assert(
      fc.property(pattern, name, (one, other) => {
        const regex = new RegExp(`^${one.replaceAll("*", ".*")}$`);
        assert.equal(matchesPattern(other, one), regex.test(other));
      }),
    );
  });
});
