/** One step of a retry rule: `F,2h,15m`, `G,16h,1h,1.5` or `H,…` (Exim specification, "Retry configuration"). */
export type RetryStep =
  | { readonly kind: "F"; readonly cutoffMs: number; readonly intervalMs: number }
  | { readonly kind: "G" | "H"; readonly cutoffMs: number; readonly intervalMs: number; readonly factor: number };

export interface FailureHistory {
  /** Time since the first failure; for an address error the message's age, if that is longer. */
  readonly failingForMs: number;
  /** The delay given out last time; 0 before the first retry. */
  readonly plannedGapMs: number;
  /** The time that really passed since the last attempt. */
  readonly actualGapMs: number;
}

/** `retry_interval_max`, Exim's default: bounds every delay. */
export const RETRY_INTERVAL_MAX_MS = 24 * 60 * 60 * 1000;

/**
 * How long to wait after a failure.
 *
 * The step in force is the first whose cutoff has not passed; past the last cutoff the last step goes on (whether
 * the address has then timed out is `isPastLastCutoff`'s question). `G` and `H` grow the smaller of the planned and
 * the actual gap, so a queue that ran late does not jump ahead in its own schedule.
 *
 * @param maxMs `retry_interval_max`: bounds every delay.
 * @param random From 0 up to but not including 1; only `H` calls it. A parameter so that tests decide.
 * @returns Whole milliseconds, or undefined if there are no steps: then the first failure is final.
 */
export function retryDelay(
  steps: readonly RetryStep[],
  failure: FailureHistory,
  maxMs: number,
  random: () => number,
): number | undefined {
  const step = steps.find((s) => failure.failingForMs <= s.cutoffMs) ?? steps.at(-1);
  if (step === undefined) return undefined;
  // A clock that was set back gives a negative gap: it counts as none.
  const lastGapMs = Math.max(0, Math.min(failure.plannedGapMs, failure.actualGapMs));
  return Math.min(Math.ceil(delayOf(step, lastGapMs, random)), maxMs);
}

function delayOf(step: RetryStep, lastGapMs: number, random: () => number): number {
  if (step.kind === "F") return step.intervalMs;
  const grownMs = lastGapMs * step.factor;
  if (step.kind === "G") return lastGapMs < step.intervalMs ? step.intervalMs : grownMs;
  // H: half of the growth for sure, the other half by chance, so that what failed together does not return together.
  const growthMs = Math.max(0, grownMs - step.intervalMs);
  return step.intervalMs + growthMs / 2 + (random() * growthMs) / 2;
}
