import { DeferError } from "@postbus/mail";
import { type Evaluation, type Expansion, ForcedFailure, failureText, type Value } from "@postbus/policy";

/** What became of a string that a router has to expand. */
export type Expanded =
  | { readonly kind: "value"; readonly value: Value }
  /** The policy says `fail`. */
  | { readonly kind: "forced"; readonly text: string }
  /** @property isDefer A lookup could not be made; without it, the string is wrong. */
  | { readonly kind: "failed"; readonly text: string; readonly isDefer: boolean };

/** Expands a string; what goes wrong is a value, since each option has its own way to take it. */
export async function expand(expansion: Expansion, evaluation: Evaluation): Promise<Expanded> {
  if (expansion.constant !== undefined) return { kind: "value", value: expansion.constant };
  try {
    return { kind: "value", value: await expansion.run(evaluation) };
  } catch (error) {
    const text = failureText(error);
    if (text === undefined) throw error;
    if (error instanceof ForcedFailure) return { kind: "forced", text };
    return { kind: "failed", text, isDefer: error instanceof DeferError };
  }
}
