import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

/** The examples of the feature documents, section by section; the last are the forms that Exim itself does not take. */
const SECTIONS: Readonly<Record<string, readonly string[]>> = {
  1: ["1.1", "1.2", "1.3", "1.4"],
  2: ["2.1", "2.2", "2.3", "2.4"],
  3: ["3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "3.7"],
  4: ["4.1"],
  5: ["5.1"],
  6: ["6.1", "6.2", "6.3", "6.4", "6.5", "6.6", "6.7", "6.8"],
  7: ["7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "7.7"],
  8: ["8.1", "8.2", "8.3", "8.4", "8.5"],
  9: ["9.1", "9.2", "9.3", "9.4", "9.5", "9.6", "9.7"],
  10: ["10.1", "10.2", "10.3", "10.4", "10.5"],
  11: ["11.1", "11.2"],
  12: ["12.1"],
  13: ["13.1", "13.2", "13.3"],
  14: ["14.1"],
  15: ["15.1", "15.2", "15.3", "15.4"],
  16: ["16.1", "16.2", "16.3", "16.4", "16.5"],
  17: ["17.1", "17.2", "17.3", "17.4", "17.5", "17.6", "17.7", "17.8", "17.9", "17.10"],
};

/** Numbers as they stand in the tests: an example each, or the rows of a table of examples. */
const NUMBER = /^\s*(?:example\(|\[)"(\d+\.\d+)"/gm;

test("every example has one test that is called by its number", () => {
  const found = globSync("*.test.ts", { cwd: import.meta.dirname })
    .filter((file) => file !== "numbers.test.ts")
    .flatMap((file) => [...readFileSync(join(import.meta.dirname, file), "utf8").matchAll(NUMBER)])
    .map(([, number = ""]) => number);
  const inOrder = (numbers: readonly string[]): string[] =>
    numbers.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }));
  assert.deepEqual(inOrder(found), inOrder(Object.values(SECTIONS).flat()));
});
