import assert from "node:assert/strict";
import { test } from "node:test";
import { phrase } from "../../src/submission/phrase.ts";

/** Of a real Exim 4.98.2, but for those where it makes what is no phrase. */
const rows: readonly [name: string, wanted: string][] = [
  ["Ann Lee", "Ann Lee"],
  ["", ""],
  ['"Ann B." Lee', '"Ann B." Lee'],
  ["Ann (x y) Lee", "Ann (x y) Lee"],
  ["Ann  Lee ", "Ann  Lee"],
  ["Ann, Lee", '"Ann, Lee"'],
  ["Ann <x>", '"Ann <x>"'],
  ["a@b.c", '"a@b.c"'],
  ["O'Brien & so!", "O'Brien & so!"],
  ["ann\x7fx", "=?UTF-8?Q?ann=7Fx?="],
  ["\xc3\x84nn", "=?UTF-8?Q?=C3=84nn?="],
  ["a\nb", "=?UTF-8?Q?a=0Ab?="],
  ['a"b', '"a\\"b"'],
  ['"open', '"\\"open"'],
  ["(open", '"(open"'],
  ["a\\b", '"a\\\\b"'],
];

for (const [name, wanted] of rows) {
  test(`the display name ${JSON.stringify(name)}`, () => assert.equal(phrase(name, "UTF-8"), wanted));
}
