import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { logicalLines } from "../../src/config/logical-lines.ts";
import { Macros } from "../../src/config/macros.ts";
import { Problems } from "../../src/config/problems.ts";

function read(source: string, given: Record<string, string> = {}): string[] {
  const problems = new Problems();
  const lines = logicalLines("f", source, new Macros(new Map(Object.entries(given))), problems);
  problems.throwIfAny();
  return lines.map(({ where, text }) => `${where} ${text}`);
}

/** Exim specification, "Configuration file format" and "Macros in the configuration file". */
const cases = [
  { name: "blank lines and comments are nothing", source: "\n  # x\n a = b  \n", want: ["f:3 a = b"] },
  {
    name: "a line is continued without the next one's leading blanks",
    source: "a = b \\\n   c",
    want: ["f:1 a = b c"],
  },
  { name: "a comment between the pieces is dropped", source: "a = b\\\n # no\\\n  c", want: ["f:1 a = bc"] },
  { name: "an empty line ends a continuation", source: "a = b\\\n\nc = d", want: ["f:1 a = b", "f:3 c = d"] },
  { name: "a comment sign elsewhere is data", source: "a = b # c", want: ["f:1 a = b # c"] },
  { name: "CRLF line ends are line ends", source: "a = b\r\nc = d\r\n", want: ["f:1 a = b", "f:2 c = d"] },
  { name: "the end of the file ends a continuation", source: "a = b\\", want: ["f:1 a = b"] },
  { name: "a macro is replaced", source: "X = 1\na = X", want: ["f:2 a = 1"] },
  { name: "a macro is replaced inside longer words", source: "FRUIT = fig\na = xFRUITx", want: ["f:2 a = xfigx"] },
  { name: "a macro may be built from earlier ones", source: "A = 1\nBB = A2\na = BB", want: ["f:3 a = 12"] },
  { name: "what a macro puts in is seen by later ones", source: "A = BB\nBB = 3\na = A", want: ["f:3 a = 3"] },
  { name: "a dollar in a macro is no pattern", source: "A = $&$1\na = A", want: ["f:2 a = $&$1"] },
  { name: "== redefines, from the old value if it likes", source: "A = 1\nA == A : 2\na = A", want: ["f:3 a = 1 : 2"] },
  { name: "a macro may bring a comment sign", source: "NOTHING = #\nNOTHING a = b", want: [] },
  { name: "a definition may be continued", source: "A = 1 \\\n  2\na = A", want: ["f:3 a = 1 2"] },
  { name: "an empty macro is replaced by nothing", source: "A =\na = xAx", want: ["f:2 a = xx"] },
];

const refused = [
  {
    name: "a macro is defined once",
    source: "A = 1\nA = 2",
    text: 'f:2: macro "A" is already defined (use == to redefine it)',
  },
  {
    name: "== wants a macro that is there",
    source: "A == 1",
    text: 'f:1: macro "A" is not defined: "==" redefines only',
  },
  {
    name: "a new macro must not contain an older one",
    source: "FRUIT = 1\nFRUITS = 2",
    text: 'f:2: "FRUITS" cannot be a macro: the macro "FRUIT" is a substring of it',
  },
  {
    name: "directives are refused, not skipped",
    source: ".ifdef X",
    text: "f:1: .ifdef: known to Exim, not supported by the built-in policy yet",
  },
];

describe("logicalLines", () => {
  for (const { name, source, want } of cases) test(name, () => assert.deepEqual(read(source), want));
  for (const { name, source, text } of refused) {
    test(name, () => assert.throws(() => read(source), { name: "ConfigError", message: text }));
  }

  test("a macro given from outside wins, over == too", () => {
    assert.deepEqual(read("A = 1\nA == 2\na = A", { A: "9" }), ["f:3 a = 9"]);
  });
});
