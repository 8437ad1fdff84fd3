import { COMPILING_STEPS_PER_OCTET } from "../evaluation.ts";
import { ExpansionFailure } from "../failures.ts";
import type { StateOperator } from "../operator.ts";

/** `${expand:…}`: the result is expanded again. Nobody outside may have had a hand in it. */
export const expand: StateOperator = {
  name: "expand",
  run(subject, _argument, evaluation) {
    if (typeof subject !== "string") {
      throw new ExpansionFailure(`attempt to expand tainted string '${subject.text.slice(0, 256)}'`);
    }
    evaluation.spend(subject.length * COMPILING_STEPS_PER_OCTET);
    const expansion = evaluation.language.compile(subject);
    if (expansion.problem !== undefined) {
      throw new ExpansionFailure(`internal expansion of "${subject}" failed: ${expansion.problem}`);
    }
    return expansion.run(evaluation);
  },
};
