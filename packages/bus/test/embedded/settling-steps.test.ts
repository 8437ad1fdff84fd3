import assert from "node:assert/strict";
import { test } from "node:test";
import type { JournalEntry } from "../../src/embedded/journal-record.ts";
import { pagesFor, roomFor, settlingSteps } from "../../src/embedded/settling-steps.ts";

const entry = (table: number, key: string, value: string | undefined): JournalEntry => ({ table, key, value });

test("what is taken out comes first, each table in order of its keys", () => {
  const rows = [
    entry(1, "b", "x"),
    entry(1, "c", undefined),
    entry(0, "z", undefined),
    entry(1, "a", "x"),
    entry(1, "b2", undefined),
  ];
  const keys = settlingSteps(rows).map((step) => step.map(({ key }) => key));
  assert.deepEqual(keys, [
    ["z", "b2", "c"],
    ["a", "b"],
  ]);
});

test("a step has 250 rows or a megabyte at most, or one row that is larger", () => {
  const removals = Array.from({ length: 600 }, (_, n) => entry(0, `key-${n}`, undefined));
  assert.deepEqual(
    settlingSteps(removals).map(({ length }) => length),
    [250, 250, 100],
  );
  const octets = (key: string, size: number): JournalEntry => ({ table: 0, key, value: Buffer.alloc(size) });
  const large = [octets("a", 2_000_000), octets("b", 600_000), octets("c", 400_000), octets("d", 300_000)];
  assert.deepEqual(
    settlingSteps(large).map((step) => step.map(({ key }) => key).join("")),
    ["a", "bc", "d"],
  );
  assert.deepEqual(settlingSteps([]), []);
});

test("room is asked for at the worst: a page for each row, whole ones for what is large", () => {
  assert.equal(pagesFor(undefined), 1);
  assert.equal(pagesFor(Buffer.alloc(4_097)), 3);
  // In UTF-8 a character may have three octets.
  assert.equal(pagesFor("x".repeat(1_366)), 3);
  assert.ok(roomFor(100) > 100 * 4_096);
});
