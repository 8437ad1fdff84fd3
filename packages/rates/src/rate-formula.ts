import type { RateRequest } from "./rate-store.ts";

/** What is kept of a counter. */
export interface RateState {
  readonly rate: number;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/** Two events at one time have this between them, in seconds: as in Exim, to divide by something. */
const MIN_INTERVAL = 1e-9;

/**
 * The exponentially weighted mean of the rate (Exim's manual, "ratelimit", "Ratelimit measures"): what was before counts
 * the less the longer ago it is.
 */
export function nextRate(
  before: RateState | undefined,
  atMs: number,
  { count, periodSeconds }: Pick<RateRequest, "count" | "periodSeconds">,
): number {
  if (before === undefined) return count;
  const interval = Math.max((atMs - before.atMs) / 1000, MIN_INTERVAL);
  const age = interval / periodSeconds;
  // As 1 - exp(-age), without the loss of digits for events close together.
  const fresh = -Math.expm1(-age);
  return Math.max((fresh * count) / age + Math.exp(-age) * before.rate, count);
}

/** Whether the new rate is stored: `leaky` forgets what is above the limit, so that the client recovers. */
export function isStored(rate: number, { update, limit }: Pick<RateRequest, "update" | "limit">): boolean {
  return update === "strict" || (update === "leaky" && rate < limit);
}

/** After so many periods nothing is left of a rate that one can see. */
const PERIODS_KEPT = 10;
/** A period of years must not keep a counter for ever. */
const MAX_KEPT_MS = 366 * 86_400_000;

/** For how long a counter is of any use. */
export function keptMs(rate: number, periodSeconds: number): number {
  return Math.min(Math.ceil((PERIODS_KEPT + Math.log(Math.max(rate, 1))) * periodSeconds * 1000), MAX_KEPT_MS);
}
