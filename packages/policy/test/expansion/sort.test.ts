import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileExpansion } from "../../src/expansion/compile-expansion.ts";
import { textOf } from "../../src/expansion/value.ts";
import { sampleEvaluation } from "./sample-policy.ts";

/** What insertion makes of it: each item goes before the first that it is before. */
function inserted(items: readonly string[], isBefore: (a: string, b: string) => boolean): string {
  const result: string[] = [];
  for (const item of items) {
    const at = result.findIndex((other) => isBefore(item.slice(0, 1), other.slice(0, 1)));
    result.splice(at === -1 ? result.length : at, 0, item);
  }
  return result.join(":");
}

const comparators = {
  lt: (a: string, b: string) => a < b,
  le: (a: string, b: string) => a <= b,
  gt: (a: string, b: string) => a > b,
  ge: (a: string, b: string) => a >= b,
};

/** Items that are equal by their key, and longer lists than are sorted in one go. */
const list = fc.array(
  fc.tuple(fc.constantFrom(..."abcdefg"), fc.nat(9)).map((pair) => pair.join("")),
  { minLength: 1, maxLength: 3_000, size: "max" },
);

for (const [name, isBefore] of Object.entries(comparators)) {
  test(`sort with ${name} gives what insertion gives, whatever the length`, async () => {
    const sorting = compileExpansion(`\${sort{$acl_m_l}{${name}}{\${length_1:$item}}}`);
    await fc.assert(
      fc.asyncProperty(list, async (items) => {
        const sorted = await sorting.run(sampleEvaluation({}, { acl_m_l: items.join(":") }));
        assert.equal(textOf(sorted), inserted(items, isBefore));
      }),
      { numRuns: 30, seed: 5 },
    );
  });
}

test("a list too long for insertion is a failure, not a stall; others run meanwhile", async () => {
  let turns = 0;
  let ticking = setImmediate(tick);
  function tick(): void {
    turns++;
    ticking = setImmediate(tick);
  }
  try {
    for (const comparator of ["<", "lti", "gei"]) {
      const sorting = compileExpansion(`\${sort{$acl_m_l}{${comparator}}{$item}}`);
      const run = async (): Promise<unknown> => sorting.run(sampleEvaluation({}, { acl_m_l: "-:".repeat(40_000) }));
      turns = 0;
      await assert.rejects(run, /expansion takes too long/);
      assert.ok(turns > 0, comparator);
    }
  } finally {
    clearImmediate(ticking);
  }
});
