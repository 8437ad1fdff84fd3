import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LineEnds } from "../../src/session/line-ends.ts";

const convert = (chunks: readonly string[]): string => {
  const lineEnds = new LineEnds();
  return chunks.map((chunk) => lineEnds.convert(Buffer.from(chunk)).toString()).join("");
};

test("LF becomes CRLF, and CRLF stays", () => {
  assert.equal(convert(["a\nb\r\nc\n\n"]), "a\r\nb\r\nc\r\n\r\n");
});

test("however the octets are cut", () => {
  const pieces = fc.array(fc.string({ unit: fc.constantFrom("a", "\r", "\n"), maxLength: 4 }));
  fc.assert(fc.property(pieces, (chunks) => assert.equal(convert(chunks), convert([chunks.join("")]))));
});
