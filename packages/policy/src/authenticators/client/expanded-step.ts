import type { Eventual } from "../../expansion/code.ts";
import type { Evaluation } from "../../expansion/evaluation.ts";
import type { Expansion } from "../../expansion/expansion.ts";
import { ForcedFailure, failureText } from "../../expansion/failures.ts";
import { textOf } from "../../expansion/value.ts";
import type { ClientStep } from "./client-authenticator.ts";

/** Goes on with the value of an option. One that is made to fail is for another authenticator, one that cannot be expanded for another day. */
export function expandedStep(
  expansion: Expansion,
  evaluation: Evaluation,
  next: (text: string) => Eventual<ClientStep>,
): Eventual<ClientStep> {
  const failed = (error: unknown): ClientStep => {
    if (error instanceof ForcedFailure) return { kind: "cancel" };
    const why = failureText(error);
    if (why === undefined) throw error;
    return { kind: "error", text: `expansion of "${expansion.source}" failed: ${why}` };
  };
  try {
    const value = expansion.run(evaluation);
    return value instanceof Promise ? value.then((later) => next(textOf(later)), failed) : next(textOf(value));
  } catch (error) {
    return failed(error);
  }
}
