import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { headerSectionEnd } from "@postbus/mail";
import { HeaderReader } from "../../src/server/header-reader.ts";

function read(chunks: readonly string[]): { header: string; body: string } {
  const reader = new HeaderReader();
  let rest = "";
  let hasEnded = false;
  for (const chunk of chunks) {
    if (hasEnded) rest += chunk;
    else hasEnded = reader.read(Buffer.from(chunk, "latin1"));
  }
  const { header, body } = reader.take();
  return { header: header.toString("latin1"), body: body.toString("latin1") + rest };
}

const cases = [
  { name: "fields, blank line, body", input: "A: b\r\n\r\nbody\r\n", header: "A: b\r\n\r\n", body: "body\r\n" },
  { name: "no body", input: "A: b\r\n\r\n", header: "A: b\r\n\r\n", body: "" },
  { name: "no blank line: one is added", input: "A: b\r\n", header: "A: b\r\n\r\n", body: "" },
  { name: "nothing at all", input: "", header: "\r\n", body: "" },
  { name: "no fields", input: "\r\nbody\r\n", header: "\r\n", body: "body\r\n" },
  {
    name: "continuation lines",
    input: "A: b\r\n c\r\n\td\r\n\r\nx\r\n",
    header: "A: b\r\n c\r\n\td\r\n\r\n",
    body: "x\r\n",
  },
  {
    name: "a continuation of blanks only",
    input: "A: b\r\n \r\nC: d\r\n\r\n",
    header: "A: b\r\n \r\nC: d\r\n\r\n",
    body: "",
  },
  { name: "a blank before the colon", input: "A : b\r\n\r\nx\r\n", header: "A : b\r\n\r\n", body: "x\r\n" },
  {
    name: "a line without a colon is the body's first",
    input: "A: b\r\nno field\r\nC: d\r\n\r\n",
    header: "A: b\r\n\r\n",
    body: "no field\r\nC: d\r\n\r\n",
  },
  { name: "a line that starts with a colon", input: "A: b\r\n: c\r\n", header: "A: b\r\n\r\n", body: ": c\r\n" },
  { name: "a first line that continues nothing", input: " a: b\r\n\r\n", header: "\r\n", body: " a: b\r\n\r\n" },
  { name: "an mbox line", input: "From a@b Sat\r\nA: b\r\n\r\n", header: "\r\n", body: "From a@b Sat\r\nA: b\r\n\r\n" },
  { name: "a name with an octet above 127", input: "A\xe4: b\r\n\r\n", header: "\r\n", body: "A\xe4: b\r\n\r\n" },
];

describe("the longest field, a line end counting as one octet (Exim's header_line_maxsize)", () => {
  const rows: readonly [header: string, octets: number][] = [
    ["X: 234567\r\n\r\n", 10],
    ["X:\r\n 34567\r\n\r\n", 10],
    ["A: 1\r\nX: 2345678\r\nB: 2\r\n\r\n", 11],
    ["X: 234567", 9],
  ];
  for (const [header, octets] of rows) {
    for (const size of [1, 1_000]) {
      test(`${JSON.stringify(header)} in pieces of ${size}`, () => {
        const reader = new HeaderReader();
        for (let at = 0; at < header.length; at += size)
          reader.read(Buffer.from(header.slice(at, at + size), "latin1"));
        assert.equal(reader.longestField, octets);
      });
    }
  }
});

describe("HeaderReader", () => {
  for (const { name, input, header, body } of cases) {
    test(`${name}, whole and split at every octet`, () => {
      assert.deepEqual(read([input]), { header, body });
      assert.deepEqual(read([...input]), { header, body });
      for (let i = 1; i < input.length; i++) {
        assert.deepEqual(read([input.slice(0, i), input.slice(i)]), { header, body }, `at ${i}`);
      }
    });

    test(`${name}: the parser in packages/mail sees the same end`, () => {
      const whole = Buffer.from(header + body, "latin1");
      assert.equal(headerSectionEnd(whole), header.length);
    });
  }
});
