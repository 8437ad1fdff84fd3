import assert from "node:assert/strict";
import { test } from "node:test";
import { resultComment } from "../src/index.ts";

const rows = [
  ["a name", "h.example", "h.example"],
  ["another result", "a;arc=pass.evil.example", "a?arc=pass.evil.example"],
  ["the end of it", "a) (b", "a\\) \\(b"],
  ["a quoted string", 'a"b\\', "a?b\\\\"],
  ["a line end", "a\r\nb\u00ff", "a??b?"],
] as const;

for (const [name, text, want] of rows) test(`${name} in a comment`, () => assert.equal(resultComment(text), want));
