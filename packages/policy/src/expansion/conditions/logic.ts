import { trim } from "@postbus/mail";
import type { Eventual, TestCode } from "../code.ts";
import type { Condition } from "../condition.ts";
import type { Evaluation } from "../evaluation.ts";
import { ExpansionFailure } from "../failures.ts";
import type { Parser } from "../parser.ts";
import { ofOne } from "../subjects.ts";

/** `and{{c1}{c2}…}` and `or{…}`: from left to right, as far as needed; each subcondition in its own braces. */
function group(name: "and" | "or"): Condition {
  const decides = name === "or";
  return {
    name,
    compile(parser) {
      const tests = subconditions(parser, name).filter((test) => test !== !decides);
      const [first] = tests;
      if (first === undefined) return !decides;
      if (typeof first === "boolean") return first;
      return (evaluation) => decided(tests, decides, evaluation, 0);
    },
  };
}

function subconditions(parser: Parser, name: string): TestCode[] {
  const { source } = parser;
  const problem = (what: string): string => `${what} inside "${name}{...}" condition`;
  source.expect("{", () => `missing { after "${name}"`);
  const tests: TestCode[] = [];
  for (source.skipBlanks(); !source.take("}"); source.skipBlanks()) {
    if (!source.take("{")) {
      throw new ExpansionFailure(`each subcondition inside an "${name}{...}" condition must be in its own {}`);
    }
    tests.push(parser.condition());
    source.expect("}", () => problem("missing } at end of condition"));
  }
  return tests;
}

function decided(
  tests: readonly TestCode[],
  decides: boolean,
  evaluation: Evaluation,
  from: number,
): Eventual<boolean> {
  for (let i = from; i < tests.length; i++) {
    const test = tests[i] ?? !decides;
    const isTrue = typeof test === "boolean" ? test : test(evaluation);
    if (isTrue instanceof Promise) {
      return isTrue.then((is) => (is === decides ? decides : decided(tests, decides, evaluation, i + 1)));
    }
    if (isTrue === decides) return decides;
  }
  return !decides;
}

export const and = group("and");
export const or = group("or");

/** True and false by their names. */
const WORDS: Readonly<Record<string, boolean | undefined>> = {
  true: true,
  yes: true,
  false: false,
  no: false,
  "": false,
};

/** `bool{text}`: `true`, `yes` or a number that is not 0; `false`, `no`, 0 or nothing; anything else fails. */
export const bool: Condition = {
  name: "bool",
  compile: (parser) =>
    ofOne(parser, "bool", (text) => {
      const word = trim(text).toLowerCase();
      const known = WORDS[word];
      if (known !== undefined) return known;
      if (/^-?[0-9]*$/.test(word)) return !/^-?0*$/.test(word);
      throw new ExpansionFailure(`unrecognised boolean value "${trim(text)}"`);
    }),
};

/** `bool_lax{text}`: all but nothing, `0`, `no` and `false` is true. */
export const boolLax: Condition = {
  name: "bool_lax",
  compile: (parser) => ofOne(parser, "bool_lax", (text) => !/^(?:0|-|no|false|)$/i.test(trim(text))),
};
