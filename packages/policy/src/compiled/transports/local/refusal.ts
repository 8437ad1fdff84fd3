import type { Evaluation } from "../../../expansion/evaluation.ts";
import type { Expansion } from "../../../expansion/expansion.ts";
import { ForcedFailure, failureText } from "../../../expansion/failures.ts";
import type { Value } from "../../../expansion/value.ts";

/** Why a local delivery is not made: what its transport's options say cannot be done, for good or now. */
export interface Refusal {
  readonly kind: "refused";
  readonly outcome: "failed" | "deferred";
  /** The operating system's number, or one of Exim's negative ones. */
  readonly errno: number;
  readonly text: string;
}

export const deferredBy = (text: string, errno = 0): Refusal => ({ kind: "refused", outcome: "deferred", errno, text });

export const failedBy = (text: string): Refusal => ({ kind: "refused", outcome: "failed", errno: 0, text });

/** What became of an option of a transport. */
export type Expanded =
  | { readonly kind: "value"; readonly value: Value }
  /** @property isForced The policy says `fail`. */
  | { readonly kind: "unexpanded"; readonly text: string; readonly isForced: boolean };

/** Expands an option; each has its own way to take what goes wrong. @throws what is no failure of an expansion: a bug. */
export async function expandOption(expansion: Expansion, evaluation: Evaluation): Promise<Expanded> {
  try {
    return { kind: "value", value: await expansion.run(evaluation) };
  } catch (err) {
    const text = failureText(err);
    if (text === undefined) throw err;
    return { kind: "unexpanded", text, isForced: err instanceof ForcedFailure };
  }
}
