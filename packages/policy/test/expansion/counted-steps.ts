import type { Evaluation, Surroundings } from "../../src/expansion/evaluation.ts";
import { failureText } from "../../src/expansion/failures.ts";
import type { Value } from "../../src/expansion/value.ts";
import { sampleEvaluation } from "./sample-policy.ts";

/**
 * What something takes from the budget of the evaluation. It may fail as a policy fails.
 *
 * @throws whatever is no failure of the language: a bug.
 */
export async function countedSteps(
  run: (evaluation: Evaluation) => unknown,
  set: Readonly<Record<string, Value>>,
  given: Partial<Surroundings> = {},
): Promise<number> {
  const evaluation = sampleEvaluation(given, set);
  const spend = evaluation.spend.bind(evaluation);
  let steps = 0;
  evaluation.spend = (more) => {
    steps += more;
    spend(more);
  };
  try {
    await run(evaluation);
  } catch (error) {
    if (failureText(error) === undefined) throw error;
  }
  return steps;
}
