import type { CompiledList, Evaluation } from "@postbus/policy";

type Answer = ReturnType<CompiledList["match"]>;

/**
 * Asks a list from outside of any expansion: each question has a budget of its own. A promise only where something has to
 * be waited for.
 */
export function matchList(
  list: CompiledList,
  evaluation: Evaluation,
  subject: Parameters<CompiledList["match"]>[1],
): Answer {
  evaluation.enter();
  let answer: Answer;
  try {
    answer = list.match(evaluation, subject);
  } catch (error) {
    evaluation.leave();
    throw error;
  }
  if (answer instanceof Promise) return answer.finally(() => evaluation.leave());
  evaluation.leave();
  return answer;
}
