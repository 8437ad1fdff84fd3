import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Overlay } from "../../src/embedded/overlay.ts";

const row = (key: string, text: string) => ({ key, value: Buffer.from(text) });

describe("over", () => {
  test("the rows of the file with the changes, newer ones first", () => {
    const overlay = new Overlay();
    for (const key of ["b", "c", "x"]) overlay.set(key, "settling");
    overlay.settle();
    overlay.set("c", undefined);
    overlay.set("a", "fresh");
    overlay.set("b", "fresh");
    const rows = [...overlay.over([row("b", "file"), row("c", "file"), row("d", "file")], { start: "" })];
    assert.deepEqual(rows, [row("a", "fresh"), row("b", "fresh"), row("d", "file"), row("x", "settling")]);
  });

  test("is what a map says, for all changes, ranges and limits", () => {
    const key = fc.constantFrom("a", "b", "c", "d", "e", "f", "g");
    const changes = fc.array(fc.tuple(key, fc.option(fc.constantFrom("1", "2"), { nil: undefined })));
    fc.assert(
      fc.property(
        ...[fc.uniqueArray(key), changes, changes, key, key, fc.nat(8)],
        (file, older, newer, start, end, limit) => {
          const model = new Map(file.map((name) => [name, "file"]));
          const overlay = new Overlay();
          for (const [at, part] of [older, newer].entries()) {
            if (at === 1) overlay.settle();
            for (const [name, value] of part) {
              overlay.set(name, value);
              if (value === undefined) model.delete(name);
              else model.set(name, value);
            }
          }
          const sorted = [...model].filter(([name]) => name >= start && name < end).sort();
          const rows = file
            .filter((name) => name >= start && name < end)
            .sort()
            .map((name) => row(name, "file"));
          const got = [...overlay.over(rows, { start, end, limit })].map((one) => [one.key, String(one.value)]);
          assert.deepEqual(got, sorted.slice(0, limit));
        },
      ),
    );
  });
});

test("what could not be written stays, below what came since", () => {
  const overlay = new Overlay();
  overlay.set("a", "old");
  overlay.set("b", "old");
  overlay.settle();
  overlay.set("b", "new");
  overlay.unsettled();
  assert.deepEqual([overlay.get("a"), overlay.get("b"), overlay.lastKey()], ["old", "new", "b"]);
  overlay.settle();
  assert.deepEqual([...overlay.settling].sort(), [
    ["a", "old"],
    ["b", "new"],
  ]);
  overlay.settled();
  assert.ok(overlay.isEmpty);
});
