import { DeferError } from "@postbus/mail";
import { type Evaluation, type Expansion, ForcedFailure, failureText, type Value } from "@postbus/policy";

/** What became of a string that a router has to expand. */
export type Expanded =
  | { readonly kind: "value"; readonly value: Value }
  /** The policy says `fail`. */
  | { readonly kind: "forced"; readonly text: string }
  /** @property isDefer A lookup could not be made; without it, the string is wrong. */
  | { readonly kind: "failed"; readonly text: string; readonly isDefer: boolean };

/**
 * Expands a string; what goes wrong is a value, since each option has its own way to take it. A promise only
 * where something has to be waited for.
 */
export function expand(expansion: Expansion, evaluation: Evaluation): Expanded | Promise<Expanded> {
  if (expansion.constant !== undefined) return { kind: "value", value: expansion.constant };
  try {
    const value = expansion.run(evaluation);
    return value instanceof Promise ? value.then(expanded, failed) : expanded(value);
  } catch (error) {
    return failed(error);
  }
}

const expanded = (value: Value): Expanded => ({ kind: "value", value });

/** @throws what is no failure of an expansion: a bug. */
function failed(error: unknown): Expanded {
  const text = failureText(error);
  if (text === undefined) throw error;
  if (error instanceof ForcedFailure) return { kind: "forced", text };
  return { kind: "failed", text, isDefer: error instanceof DeferError };
}
