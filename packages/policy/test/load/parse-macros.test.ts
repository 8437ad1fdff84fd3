import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "@postbus/mail";
import { parseMacros } from "../../src/load/parse-macros.ts";

test("one macro a line; blanks around names and values do not count", () => {
  assert.deepEqual(
    [...parseMacros("A=1\n\n B = x = y \nC=")],
    [
      ["A", "1"],
      ["B", "x = y"],
      ["C", ""],
    ],
  );
});

test("a line that defines nothing is an error", () => assert.throws(() => parseMacros("A"), ConfigError));
