import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldValue, headerFields, headerSectionEnd } from "../src/index.ts";

const section = Buffer.from("Received: from a\r\n\tby b\r\nsubject : \xe4\r\n\r\nBody: no field\r\n", "latin1");

test("fields have their names in lower case and their places", () => {
  assert.deepEqual(headerFields(section), [
    { name: "received", start: 0, valueStart: 9, end: 25 },
    { name: "subject", start: 25, valueStart: 34, end: 38 },
  ]);
});

test("a value is one line, its octets untouched", () => {
  assert.deepEqual(
    headerFields(section).map((field) => fieldValue(section, field)),
    ["from a\tby b", "\xe4"],
  );
});

test("the section ends behind its blank line", () => {
  assert.equal(headerSectionEnd(section), section.indexOf("Body"));
});

test("it ends before a line that is no field", () => {
  const octets = Buffer.from("A: b\r\nno field\r\nC: d\r\n", "latin1");
  assert.equal(headerSectionEnd(octets), 6);
  assert.equal(headerFields(octets).length, 1);
});

test("ten thousand fields are ten thousand fields", () => {
  assert.equal(headerFields(Buffer.from("Received: x\r\n".repeat(10_000), "latin1")).length, 10_000);
});
