import { checkLength, type Eventual, forEach, restoring, runCode, then } from "../code.ts";
import { COMPILING_STEPS_PER_OCTET, type Evaluation } from "../evaluation.ts";
import type { Expansion } from "../expansion.ts";
import { ExpansionFailure } from "../failures.ts";
import type { Item } from "../parser.ts";
import { allMatches, capturesOf, patternOf } from "../regex-use.ts";
import { derived, joined, textOf, type Value } from "../value.ts";

/**
 * `${sg{text}{pattern}{replacement}}`: all matches are replaced. The replacement is expanded as every argument is, and
 * what comes out again for each match with `$0`, `$1`, …: hence `\$1` is written.
 */
export const sg: Item = {
  name: "sg",
  compile(parser) {
    const [subject = "", pattern = "", replacement = ""] = parser.allArguments("sg", 3, 3);
    const regexOf = patternOf(pattern);
    let last: Expansion | undefined;
    const compiled = (template: Value, evaluation: Evaluation): Replacement => {
      if (typeof template !== "string") {
        // What a peer has chosen is put in as it is; if there is something to be expanded in it, that is refused.
        if (!/[$\\]/.test(template.text)) return () => template;
        throw new ExpansionFailure(`attempt to expand tainted string '${template.text.slice(0, 256)}'`);
      }
      if (last?.source !== template) {
        evaluation.spend(template.length * COMPILING_STEPS_PER_OCTET);
        last = evaluation.language.compile(template);
      }
      const expansion = last;
      return (around) => expansion.run(around);
    };
    return (evaluation) =>
      then(runCode(subject, evaluation), (text) =>
        then(regexOf(evaluation), (regex) =>
          then(runCode(replacement, evaluation), (template) => {
            const matches = allMatches(regex, textOf(text), evaluation);
            return replaced(text, matches, compiled(template, evaluation), evaluation);
          }),
        ),
      );
  },
};

/** What putting a replacement in takes. */
const MATCH_STEPS = 16;

/** What stands for a match. */
type Replacement = (evaluation: Evaluation) => Eventual<Value>;

function replaced(
  subject: Value,
  matches: ReturnType<typeof allMatches>,
  replacement: Replacement,
  evaluation: Evaluation,
): Eventual<Value> {
  const text = textOf(subject);
  const { captures } = evaluation;
  let result: Value = "";
  let end = 0;
  return restoring(
    () =>
      then(
        forEach(matches, evaluation, (match) => {
          evaluation.spend(MATCH_STEPS);
          evaluation.captures = capturesOf(match, subject);
          return then(replacement(evaluation), (piece): undefined => {
            result = joined(joined(result, text.slice(end, match.index)), piece);
            end = match.end;
            checkLength(textOf(result).length);
          });
        }),
        () => joined(result, derived(subject, text.slice(end))),
      ),
    () => {
      evaluation.captures = captures;
    },
  );
}
