import { ExpansionFailure } from "../failures.ts";
import { parseNumber } from "../number.ts";
import type { StateOperator } from "../operator.ts";
import { textOf } from "../value.ts";

/** `${randint:6}`: 0 to 5; below 0 and below 1 there is only 0. */
export const randint: StateOperator = {
  name: "randint",
  run(subject, _argument, evaluation) {
    const text = textOf(subject);
    if (text === "") throw new ExpansionFailure('integer expected but "" found');
    const below = Number(parseNumber(text));
    if (below < 0) throw new ExpansionFailure(`non-negative integer expected but "${text}" found`);
    if (below === 0) return "0";
    return String(evaluation.around.random(Math.min(below, 2 ** 47)));
  },
};
