/**
 * What a condition, a statement or a whole ACL says. `drop` and `discard` come from verbs of that name, the last two mean
 * that it cannot be said now, and that the policy is wrong; both are a temporary refusal.
 */
export type Outcome = "yes" | "no" | "drop" | "discard" | "defer" | "error";

/** Of one condition or modifier; `ignored`: its value was made to fail, so it counts for nothing, even negated. */
export type Said = Outcome | "ignored";
