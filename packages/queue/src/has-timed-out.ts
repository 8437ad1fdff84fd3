import type { RetryStep } from "./retry-delay.ts";

/**
 * Whether a failure is the last one: the address has been failing for longer than the last step's cutoff. At the
 * cutoff itself there is one more try (Exim: "first rule with failing ≤ cutoff"). Without steps, it is at once.
 */
export function hasTimedOut(steps: readonly RetryStep[], failingForMs: number): boolean {
  const last = steps.at(-1);
  return last === undefined || failingForMs > last.cutoffMs;
}
