import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalField } from "../../src/canonical/canonical-field.ts";
import { withoutSignature } from "../../src/canonical/without-signature.ts";

const rows: readonly [name: string, field: string, relaxed: string][] = [
  ["RFC 6376 §3.4.5, A", "A: X\r\n", "a:X\r\n"],
  ["RFC 6376 §3.4.5, B", "B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n"],
  ["nothing in it", "A:\r\n", "a:\r\n"],
  ["blanks in it", "A: \t \r\n", "a:\r\n"],
  ["a colon in it", "A: b:c\r\n", "a:b:c\r\n"],
  ["octets beyond ASCII", "A: \xe9\xff\r\n", "a:\xe9\xff\r\n"],
  ["no line end", "A: b", "a:b\r\n"],
];

for (const [name, field, relaxed] of rows) {
  test(`${name}: relaxed field`, () => assert.equal(canonicalField(field, "relaxed"), relaxed));
}

test("a simple field stays as it is", () =>
  assert.equal(canonicalField("B : Y\t\r\n\tZ \r\n", "simple"), "B : Y\t\r\n\tZ \r\n"));

const signatures: readonly [field: string, without: string][] = [
  ["DKIM-Signature: b=abc; bh=def", "DKIM-Signature: b=; bh=def"],
  ["DKIM-Signature: bh=b=x; b =a\r\n bc", "DKIM-Signature: bh=b=x; b ="],
  ["DKIM-Signature: z=X:b=1; b=abc;\r\n", "DKIM-Signature: z=X:b=1; b=;\r\n"],
  ["DKIM-Signature: v=1;\r\n\tb=abc", "DKIM-Signature: v=1;\r\n\tb="],
  ["DKIM-Signature: v=1; bh=abc", "DKIM-Signature: v=1; bh=abc"],
];

for (const [field, without] of signatures) {
  test(`of ${JSON.stringify(field)} the signature is taken out`, () => assert.equal(withoutSignature(field), without));
}
