import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { decodeXtext, encodeXtext, isXtext } from "../src/xtext.ts";

describe("xtext (RFC 3461 section 4)", () => {
  const rows: readonly [text: string, isGood: boolean][] = [
    ["", true],
    ["QQ314159", true],
    ["rfc822;a+2Bb@c.example", true],
    ["a+3Db+20c", true],
    ["a+2bb", true],
    ["a+b", false],
    ["a+2", false],
    ["a+ZZ", false],
    ["a=b", false],
    ["a b", false],
    ["a\xe9", false],
    ["a\x7f", false],
    ["a+0D+0Ab", false],
    ["a+00", false],
    ["a+7Fb", false],
    ["a+C3+A9", false],
    ["+2B0A", true],
    ["+2B+0A", false],
  ];
  for (const [text, isGood] of rows) {
    test(JSON.stringify(text), () => assert.equal(isXtext(text), isGood));
  }

  test("what is encoded is good if it is printable, and nothing else is encoded than has to be", () => {
    assert.equal(encodeXtext("a+b=c d@e.example"), "a+2Bb+3Dc+20d@e.example");
    assert.equal(encodeXtext("\0\xff"), "+00+FF");
    fc.assert(fc.property(fc.string(), (text) => isXtext(encodeXtext(text))));
  });
});

test("what was encoded is decoded, in either case of its digits", () => {
  const octets = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join("");
  assert.equal(decodeXtext(encodeXtext(octets)), octets);
  assert.equal(decodeXtext("a+40b+2b+2B"), "a@b++");
});
