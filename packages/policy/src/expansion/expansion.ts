import type { Evaluation } from "./evaluation.ts";
import type { Value } from "./value.ts";

/** A string of the policy, compiled: run as often as wanted. */
export interface Expansion {
  /** As written. */
  readonly source: string;
  /** The value, if it is the same always: no `$`, or all of it known at load. */
  readonly constant: string | undefined;
  /** Why it cannot work, if that is known at load: running it fails with this text. Exim finds out at the first use only. */
  readonly problem: string | undefined;
  /**
   * A promise only where something has to be waited for: `await` it, or ask `instanceof Promise`.
   *
   * @throws {ExpansionFailure} it cannot be expanded.
   * @throws {ForcedFailure} the policy says `fail`.
   * @throws {DeferError} it cannot be expanded now (`ExpansionDefer`).
   */
  run(evaluation: Evaluation): Value | Promise<Value>;
}
