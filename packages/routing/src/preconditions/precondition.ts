import type { RouterSettings } from "@postbus/policy";
import type { Attempt } from "../attempt.ts";
import type { Deferred } from "../driver-result.ts";

/** Undefined: met. */
export type PreconditionResult = undefined | { readonly kind: "skipped"; readonly why: string } | Deferred;

/** One condition that an address must meet before a router looks at it, compiled. */
export interface Precondition {
  readonly name: string;
  /** @throws {DeferError} it cannot be decided now. */
  test(attempt: Attempt): PreconditionResult | Promise<PreconditionResult>;
}

/** Makes the precondition of one or more options; undefined: they are not set. */
export type CompilePrecondition = (settings: RouterSettings) => Precondition | undefined;

/** Not met. */
export const skipped = (why: string): PreconditionResult => ({ kind: "skipped", why });
