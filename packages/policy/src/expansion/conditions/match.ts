import { type Eventual, runCode, then } from "../code.ts";
import type { Condition } from "../condition.ts";
import { capturesOf, firstMatch, patternOf } from "../regex-use.ts";
import { both } from "../subjects.ts";
import { textOf, type Value } from "../value.ts";

/** `match{text}{pattern}`: a regular expression; `$0`, `$1`, … hold in the strings of the `if` and in later conditions. */
export const match: Condition = {
  name: "match",
  compile(parser) {
    const [subject, pattern] = both(parser, "match");
    const regexOf = patternOf(pattern);
    return (evaluation) =>
      then(
        runCode(subject, evaluation),
        (value: Value): Eventual<boolean> =>
          then(regexOf(evaluation), (regex) => {
            const found = firstMatch(regex, textOf(value), evaluation);
            if (found !== undefined) evaluation.captures = capturesOf(found, value);
            return found !== undefined;
          }),
      );
  },
};
