import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BodyGlance } from "../src/body-glance.ts";

describe("BodyGlance", () => {
  const body = `a\r\n${"b".repeat(12)}\r\n\r\n\0c\0\rd\r\nlast\r\n`;
  const given = (octets: string, pieces: number): BodyGlance => {
    const glance = new BodyGlance(8);
    for (let at = 0; at < octets.length; at += pieces) glance.add(Buffer.from(octets.slice(at, at + pieces), "latin1"));
    return glance;
  };

  test("measures the same in whatever pieces the body comes", () => {
    for (let pieces = 1; pieces <= body.length; pieces++) {
      const { size, lines, longestLine, zeros, start, end } = given(body, pieces);
      assert.deepEqual(
        { size, lines, longestLine, zeros, start, end },
        { size: body.length, lines: 5, longestLine: 12, zeros: 2, start: "a\nbbbbbb", end: "\rd\nlast\n" },
        `pieces of ${pieces}`,
      );
    }
  });

  test("a CR that stands alone is part of its line, the end of a line is not", () => {
    assert.equal(given("ab\rc\r\n", 2).longestLine, 4);
    assert.equal(given("abcd\n", 5).longestLine, 4);
    assert.equal(given("", 1).longestLine, 0);
  });
});
