import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { BodyHash } from "../../src/canonical/body-hash.ts";
import type { Canonicalization } from "../../src/canonical/canonicalization.ts";

const sha256 = (text: string): string => createHash("sha256").update(text, "latin1").digest("base64");

const rows: readonly [name: string, body: string, simple: string, relaxed: string][] = [
  ["RFC 6376 §3.4.5, example 1", " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n"],
  ["nothing", "", "\r\n", ""],
  ["empty lines", "\r\n\r\n", "\r\n", ""],
  ["blanks alone", " \t\r\n \r\n", " \t\r\n \r\n", ""],
  ["no line end", "a", "a\r\n", "a\r\n"],
  ["blanks without a line end", "a \t", "a \t\r\n", "a\r\n"],
  ["an empty line between", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n"],
  ["blanks in an empty line", "a\r\n \t\r\nb\r\n", "a\r\n \t\r\nb\r\n", "a\r\n\r\nb\r\n"],
  ["a blank before a CR alone", "a \rb\r\n", "a \rb\r\n", "a \rb\r\n"],
  ["CR at the end", "a\r", "a\r\r\n", "a\r\r\n"],
  ["LF alone", "a\nb\r\n", "a\nb\r\n", "a\nb\r\n"],
];

for (const [name, body, simple, relaxed] of rows) {
  test(`${name}: simple and relaxed body`, () => {
    for (const [how, canonical] of [
      ["simple", simple],
      ["relaxed", relaxed],
    ] as const) {
      const hash = new BodyHash(how, "sha256");
      hash.update(Buffer.from(body, "latin1"));
      assert.equal(hash.digest(), sha256(canonical), how);
    }
  });
}

/** RFC 6376 §3.4.3 and §3.4.4, rule by rule. */
function byTheRules(body: string, how: Canonicalization): string {
  const whole = how === "simple" || body === "" || body.endsWith("\r\n") ? body : `${body}\r\n`;
  const relaxed = how === "simple" ? whole : whole.replaceAll(/[ \t]+(?=\r\n)/g, "").replaceAll(/[ \t]+/g, " ");
  const text = relaxed.replace(/(?:\r\n)*$/, "");
  return text === "" && how === "relaxed" ? "" : `${text}\r\n`;
}

test("the hash is that of the rules, however the body is cut, and nothing is kept of a piece", () => {
  const words = fc.constantFrom("\r\n", "\r", "\n", " ", "\t", "a", "bc", "\xff", "  ", "\r\n\r\n", "x".repeat(2000));
  const cuts = fc.array(fc.nat({ max: 40 }), { maxLength: 6 });
  fc.assert(
    fc.property(fc.array(words, { maxLength: 40 }), cuts, fc.boolean(), (parts, sizes, isSimple) => {
      const how = isSimple ? "simple" : "relaxed";
      const octets = Buffer.from(parts.join(""), "latin1");
      const hash = new BodyHash(how, "sha256");
      let at = 0;
      for (const size of [...sizes, octets.length]) {
        const piece = Buffer.from(octets.subarray(at, at + size));
        at += size;
        hash.update(piece);
        piece.fill("!");
      }
      assert.equal(hash.digest(), sha256(byTheRules(octets.toString("latin1"), how)), how);
    }),
    { numRuns: 500 },
  );
});

test("of a body only so much counts as the limit says, in canonical octets", () => {
  const hash = new BodyHash("relaxed", "sha256", 4);
  hash.update(Buffer.from("a  b  \r\nmore\r\n", "latin1"));
  assert.equal(hash.digest(), sha256("a b\r"));
  assert.equal(hash.octets, 11);
});

test("many empty lines are no memory", () => {
  const hash = new BodyHash("relaxed", "sha256");
  const lines = "\r\n".repeat(100_000);
  hash.update(Buffer.from(`a${lines}`, "latin1"));
  hash.update(Buffer.from("b", "latin1"));
  assert.equal(hash.digest(), sha256(`a${lines}b\r\n`));
});
