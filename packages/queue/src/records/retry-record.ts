import type { QueueRules } from "../queue-rules.ts";
import { type RetryStep, retryDelay } from "../retry-delay.ts";

/** What is known of something that fails: a host, an address, a domain. Times are milliseconds since the epoch. */
export interface RetryRecord {
  readonly firstFailedAtMs: number;
  readonly lastTriedAtMs: number;
  readonly nextTryAtMs: number;
  /** The last cutoff has passed: until the next try, new messages fail at once. */
  readonly isExpired: boolean;
  readonly errno: number;
  readonly text: string;
}

interface Failure {
  readonly errno: number;
  readonly text: string;
  readonly nowMs: number;
  /** When the message was accepted. */
  readonly receivedAtMs: number;
  /** It is a host's: then the message's age does not make the failure older. */
  readonly isHost: boolean;
}

interface Stand {
  /** Undefined: no rule is for it, nothing is remembered. */
  readonly record: RetryRecord | undefined;
  /** The message is not to be tried again because of it. */
  readonly hasTimedOut: boolean;
}

/**
 * What is remembered after one more failure (Exim's manual, "Retry configuration").
 *
 * The message's own age counts, too: where others come through, their success wipes the record out, and one that alone
 * fails would otherwise be tried for ever.
 */
export function failedAgain(
  before: RetryRecord | undefined,
  { errno, text, nowMs, receivedAtMs, isHost }: Failure,
  steps: readonly RetryStep[],
  { retryIntervalMaxMs }: Pick<QueueRules, "retryIntervalMaxMs">,
  random: () => number,
): Stand {
  const firstFailedAtMs = before?.firstFailedAtMs ?? nowMs;
  const failingForMs = nowMs - (isHost ? firstFailedAtMs : Math.min(firstFailedAtMs, receivedAtMs));
  const plannedGapMs = before === undefined ? 0 : before.nextTryAtMs - before.lastTriedAtMs;
  const actualGapMs = before === undefined ? 0 : nowMs - before.lastTriedAtMs;
  const delayMs = retryDelay(steps, { failingForMs, plannedGapMs, actualGapMs }, retryIntervalMaxMs, random);
  if (delayMs === undefined) return { record: undefined, hasTimedOut: true };
  const isExpired = !steps.some(({ cutoffMs }) => failingForMs <= cutoffMs);
  const isTooOld = !isExpired && receivedAtMs <= firstFailedAtMs && isPastLastCutoff(steps, nowMs - receivedAtMs);
  // Others in the same condition are tried once each: this message's time is up, that of what fails is not.
  const nextTryAtMs = isTooOld ? nowMs : nowMs + delayMs;
  const record = { firstFailedAtMs, lastTriedAtMs: nowMs, nextTryAtMs, isExpired, errno, text };
  return { record, hasTimedOut: isExpired || isTooOld };
}

/** Exim's "ultimate address timeout": a message of that age is tried whatever a record says, so that it comes to its end. */
export function isPastLastCutoff(steps: readonly RetryStep[], ageMs: number): boolean {
  const last = steps.at(-1);
  return last === undefined || ageMs > last.cutoffMs;
}
