import type { CompiledList, Evaluation } from "@postbus/policy";

/** Asks a list from outside of any expansion: each question has a budget of its own. */
export async function matchList(
  list: CompiledList,
  evaluation: Evaluation,
  subject: Parameters<CompiledList["match"]>[1],
): Promise<Awaited<ReturnType<CompiledList["match"]>>> {
  evaluation.enter();
  try {
    return await list.match(evaluation, subject);
  } finally {
    evaluation.leave();
  }
}
