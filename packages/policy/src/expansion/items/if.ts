import { type Branches, failBranch } from "../branches.ts";
import { type Code, type Eventual, type Run, runCode, type TestCode } from "../code.ts";
import type { Evaluation } from "../evaluation.ts";
import type { Item } from "../parser.ts";
import type { Value } from "../value.ts";

/** `${if condition {yes}{no}}`. What a condition sets (`$1`, `$value`) holds in the strings and is restored behind them. */
export const ifItem: Item = {
  name: "if",
  compile(parser): Code {
    const test = parser.condition();
    const branches = parser.branches("if");
    if (typeof test === "boolean" && !(branches.mustFail && !test))
      return test ? whenTrue(branches) : whenFalse(branches);
    return conditional(test, branches);
  },
};

const whenTrue = (branches: Branches): Code => branches.yes ?? "true";
const whenFalse = (branches: Branches): Code => branches.no ?? "";

function conditional(test: TestCode, branches: Branches): Run {
  const yes = whenTrue(branches);
  const choose = (isTrue: boolean, evaluation: Evaluation): Eventual<Value> =>
    isTrue ? runCode(yes, evaluation) : failBranch(branches, evaluation);
  return (evaluation) => {
    const { captures, value } = evaluation;
    evaluation.step();
    let result: Eventual<Value>;
    try {
      const isTrue = typeof test === "boolean" ? test : test(evaluation);
      result = isTrue instanceof Promise ? isTrue.then((is) => choose(is, evaluation)) : choose(isTrue, evaluation);
    } catch (error) {
      evaluation.captures = captures;
      evaluation.value = value;
      throw error;
    }
    if (result instanceof Promise) {
      return result.finally(() => {
        evaluation.captures = captures;
        evaluation.value = value;
      });
    }
    evaluation.captures = captures;
    evaluation.value = value;
    return result;
  };
}
