import assert from "node:assert/strict";
import { test } from "node:test";
import { listItems } from "../../src/redirect/list-items.ts";

/** As `exim -bt` splits the `data` of a redirect router. */
const cases: readonly { name: string; text: string; items: readonly string[] }[] = [
  { name: "commas and line ends separate", text: "a, b\nc,,d\n", items: ["a", "b", "c", "d"] },
  {
    name: "a comment goes up to the end of its line",
    text: "# one, two\na # no comment, b",
    items: ["a # no comment", "b"],
  },
  { name: "a comment may stand behind a comma", text: "a, # b\nc", items: ["a", "c"] },
  { name: "quotes around an item fall away", text: '"|cmd a,b" , c', items: ["|cmd a,b", "c"] },
  { name: "quotes inside of an item stay", text: '"a, b"@x.example, c', items: ['"a, b"@x.example', "c"] },
  { name: "a quoted comma with an escaped quote", text: '"a\\",b"@x, c', items: ['"a\\",b"@x', "c"] },
  { name: "quotes that are not closed end with their line", text: '"a, b\nc', items: ['"a, b', "c"] },
  { name: "commas in comments", text: "a (one, two (three, four)) , b", items: ["a (one, two (three, four))", "b"] },
  { name: "commas in a source route", text: "<@a,@b:c@d>, e", items: ["<@a,@b:c@d>", "e"] },
  {
    name: "a letter in UTF-8 whose last octet is 0xA0",
    text: "jos\xc3\xa0, vol\xc3\xa0 \n",
    items: ["jos\xc3\xa0", "vol\xc3\xa0"],
  },
  { name: "blanks only", text: " \n\t,\n", items: [] },
  { name: "nothing", text: "", items: [] },
];

for (const { name, text, items } of cases) {
  test(name, () =>
    assert.deepEqual(
      Array.from(listItems(text), (item) => item.text),
      items,
    ),
  );
}

test("the line of an item goes beyond its commas", () => {
  const [first, second] = [...listItems("a, :fail: no, thanks\nb")];
  assert.equal(first?.line, "a, :fail: no, thanks");
  assert.equal(second?.line, ":fail: no, thanks");
});
