import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readHeaderSection } from "../src/header-section.ts";

const read = (text: string) => readHeaderSection(Buffer.from(text, "latin1"));

test("fields are found with their folds", () => {
  const text = "From: a@b\r\nSubject : x\r\n\ty\r\nTo:c\r\n";
  const section = read(text);
  assert.equal(section.kind, "fields");
  const names =
    section.kind === "fields" ? section.fields.map(({ name, start, end }) => [name, text.slice(start, end)]) : [];
  assert.deepEqual(names, [
    ["from", "From: a@b\r\n"],
    ["subject", "Subject : x\r\n\ty\r\n"],
    ["to", "To:c\r\n"],
  ]);
});

test("an empty section has no fields", () => assert.deepEqual(read(""), { kind: "fields", fields: [] }));

const broken = [
  ["a line without a colon", "From: a@b\r\nhello\r\n", 1, false],
  ["a fold before any field", " x: y\r\nFrom: a@b\r\n", 0, true],
  ["an mbox line", "From a@b Mon\r\nFrom: a@b\r\n", 0, true],
  ["a name with a blank in it", "Fr om: a@b\r\n", 0, false],
  ["a name that is not ASCII", "Fr\u00f6m: a@b\r\n", 0, false],
  ["another author below", "From: a@b\r\nA b: c\r\nTo: d\r\nFROM : e@f\r\n", 1, true],
  ["an author in a fold below", "From: a@b\r\nA b: c\r\nTo: d\r\n From: e@f\r\n", 1, false],
] as const;

for (const [name, text, count, hasFromBelow] of broken) {
  test(`${name}: what stands above is the header`, () => {
    const section = read(text);
    assert.ok(section.kind === "broken");
    assert.deepEqual([section.fields.length, section.hasFromBelow], [count, hasFromBelow]);
  });
}

for (const [name, text] of [
  ["LF alone", "From: a@b\nSubject: x\r\n"],
  ["CR alone", "From: a@b\rSubject: x\r\n"],
] as const) {
  test(`${name}: nothing may be concluded`, () => assert.equal(read(text).kind, "unusable"));
}

const strange = [
  ["1,001 fields", "X: y\r\n".repeat(1001), 1001],
  ["20,000 folds", `X: y\r\n${" z\r\n".repeat(20_000)}`, 1],
  ["a field of 200 KB", `X: ${"y".repeat(200_000)}\r\n`, 1],
  ["2,000 blanks", `X:${" ".repeat(2000)}y\r\n`, 1],
  ["2,000 blanks before the colon", `X${" ".repeat(2000)}:y\r\n`, 1],
  ["2,000 lines of a blank each", `X: y\r\n${" \r\n".repeat(2000)}`, 1],
] as const;

for (const [name, text, count] of strange) {
  test(`${name}: strange, and clear`, () => {
    const section = read(text);
    assert.equal(section.kind === "fields" && section.fields.length, count);
  });
}

test("any octets are read or refused, and fields lie within the section, one behind the other", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("From:", "a", " ", "\t", "\r\n", "\n", "\r", ":", "\u00ff")), (parts) => {
      const octets = Buffer.from(parts.join(""), "latin1");
      const section = readHeaderSection(octets);
      let at = 0;
      for (const field of section.kind === "unusable" ? [] : section.fields) {
        assert.equal(field.start, at);
        at = field.end;
      }
      assert.ok(at <= octets.length);
    }),
  );
});
