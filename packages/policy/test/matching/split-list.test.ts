import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ListText, splitList } from "../../src/matching/split-list.ts";

/** By Exim's `${map`. */
const cases: readonly (readonly [string, readonly string[]])[] = [
  ["a : b", ["a", "b"]],
  ["a::b", ["a:b"]],
  ["a:::b", ["a:", "b"]],
  ["2001::db8::::1", ["2001:db8::1"]],
  ["a: :b", ["a", "", "b"]],
  ["a:", ["a"]],
  [":", [""]],
  ["", []],
  [" ", []],
  [": a", ["", "a"]],
  ["::", [":"]],
  ["<; ::1 ; 10.0.0.1", ["::1", "10.0.0.1"]],
  ["<;a;;b", ["a;b"]],
  ["<\n a\n\nb", ["a", "", "b"]],
  ["<a:b", ["<a", "b"]],
  ["one two : three", ["one two", "three"]],
];

for (const [text, items] of cases) {
  test(`${JSON.stringify(text)} has ${items.length} items`, () => assert.deepEqual([...splitList(text).items], items));
}

test("a separator that may not be chosen is text", () => {
  assert.deepEqual([...splitList("<; a;b:c", false).items], ["<; a;b", "c"]);
});

test("what is put together comes apart again, but for an empty item at the end", () => {
  const item = fc.string({ unit: fc.constantFrom("a", "b", ":", " x", "."), maxLength: 8 }).map((text) => text.trim());
  fc.assert(
    fc.property(fc.array(item), (items) => {
      const all = [...items, "last"];
      const list = new ListText(":");
      for (const one of all) list.add(one);
      assert.deepEqual([...splitList(list.text).items], all);
    }),
  );
});
