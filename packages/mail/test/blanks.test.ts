import assert from "node:assert/strict";
import { test } from "node:test";
import { trim, trimEnd, trimStart } from "../src/blanks.ts";

const BLANKS = " \t\n\v\f\r";
/** "à" in UTF-8, as octets. Its second half is a blank to JavaScript. */
const A_GRAVE = "\xc3\xa0";

test("the blanks of C are trimmed, and nothing else", () => {
  assert.equal(trim(`${BLANKS}a b${BLANKS}`), "a b");
  assert.equal(trimStart(`${BLANKS}a${BLANKS}`), `a${BLANKS}`);
  assert.equal(trimEnd(`${BLANKS}a${BLANKS}`), `${BLANKS}a`);
  assert.equal(trim(BLANKS), "");
  for (let code = 0; code <= 0xff; code++) {
    const octet = String.fromCharCode(code);
    assert.equal(trim(octet), BLANKS.includes(octet) ? "" : octet, `octet ${code}`);
  }
});

test("a letter in UTF-8 that ends like a blank stays whole", () => {
  assert.equal(trimEnd(`${A_GRAVE} `), A_GRAVE);
  assert.equal(trimStart(`\xa0${A_GRAVE}`), `\xa0${A_GRAVE}`);
});
