import type { Attempt } from "./attempt.ts";
import type { Accepted, Child, Deferred } from "./driver-result.ts";

/** What became of one address; others may go on from it. */
export interface AddressResult {
  readonly end:
    | { readonly kind: "accepted"; readonly accepted: Accepted; readonly attempt: Attempt }
    | { readonly kind: "replaced" }
    | { readonly kind: "discarded"; readonly router: string }
    | { readonly kind: "failed"; readonly router: string | undefined; readonly text: string }
    | { readonly kind: "deferred"; readonly router: string | undefined; readonly deferred: Deferred };
  /** In the order in which they are to be routed. */
  readonly children: readonly Child[];
}
