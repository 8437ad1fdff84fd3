import { ExpansionFailure } from "../failures.ts";
import { parseNumber } from "../number.ts";
import type { StateOperator } from "../operator.ts";
import { textOf } from "../value.ts";

/** `${randint:6}`: 0 to 5. */
export const randint: StateOperator = {
  name: "randint",
  run(subject, _argument, evaluation) {
    const below = Number(parseNumber(textOf(subject)));
    if (below < 0) throw new ExpansionFailure(`non-negative integer expected but "${textOf(subject)}" found`);
    if (below === 0) throw new ExpansionFailure("randint: there is no integer below 0");
    return String(evaluation.around.random(Math.min(below, 2 ** 47)));
  },
};
