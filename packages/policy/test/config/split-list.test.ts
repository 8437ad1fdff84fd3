import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { splitList } from "../../src/config/split-list.ts";

/** Exim specification, "Lists"; values as `exim -be '${map{…}{[$item]}}'` (4.98) gives them. */
const cases = [
  { name: "separator and blanks around items", list: " a :b ", want: ["a", "b"] },
  { name: "a doubled separator is data", list: "a::b", want: ["a:b"] },
  { name: "an IPv6 address, doubled", list: "2001::db8::::1", want: ["2001:db8::1"] },
  { name: "a blank between separators is an empty item", list: "a: :b", want: ["a", "", "b"] },
  { name: "a separator at the end is ignored", list: "a:", want: ["a"] },
  { name: "a separator alone is one empty item", list: ":", want: [""] },
  { name: "an empty string has no items", list: "  ", want: [] },
  { name: "a leading empty item is kept", list: ": a", want: ["", "a"] },
  { name: "another separator", list: "<; ::1 ; 10.0.0.1", want: ["::1", "10.0.0.1"] },
  { name: "another separator without a blank", list: "<,a,b", want: ["a", "b"] },
  { name: "the other separator is doubled, too", list: "<; a;;b", want: ["a;b"] },
  { name: "inner blanks are kept", list: "a b : c", want: ["a b", "c"] },
];

describe("splitList", () => {
  for (const { name, list, want } of cases) test(name, () => assert.deepEqual(splitList(list), want));

  test("what is written with doubled separators is read back", () => {
    const item = fc
      .string()
      .map((text) => text.trim())
      .filter((text) => text !== "" && !/^[:<]|:$/.test(text));
    fc.assert(
      fc.property(fc.array(item), (items) => {
        assert.deepEqual(splitList(items.map((one) => one.replaceAll(":", "::")).join(" : ")), items);
      }),
    );
  });
});
