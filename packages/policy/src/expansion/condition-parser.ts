import type { TestCode } from "./code.ts";
import { then } from "./code.ts";
import type { Conditions } from "./condition.ts";
import { ExpansionFailure } from "./failures.ts";
import type { Parser } from "./parser.ts";
import { NAME } from "./source.ts";

/** A condition with the `!` before it; the source is left behind its arguments. */
export function readCondition(parser: Parser, conditions: Conditions): TestCode {
  const { source } = parser;
  let isNegated = false;
  for (source.skipBlanks(); source.take("!"); source.skipBlanks()) isNegated = !isNegated;
  const name = source.match(/[=<>]=?/y) || source.match(NAME);
  if (name === "") throw new ExpansionFailure(`condition name expected, but found "${source.rest.slice(0, 16)}"`);
  const condition = conditions.get(name);
  if (condition === undefined) throw new ExpansionFailure(`unknown condition "${name}"`);
  const test = condition.compile(parser);
  return isNegated ? negated(test) : test;
}

function negated(test: TestCode): TestCode {
  if (typeof test === "boolean") return !test;
  return (evaluation) => then(test(evaluation), (isTrue) => !isTrue);
}
