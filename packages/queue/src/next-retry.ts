import type { Recipient } from "@postbus/contracts";
import type { AttemptResult } from "./attempt-result.ts";
import { hasTimedOut } from "./has-timed-out.ts";
import { RETRY_INTERVAL_MAX_MS, type RetryStep, retryDelay } from "./retry-delay.ts";

type DeferredResult = Extract<AttemptResult, { outcome: "deferred" }>;

/** `defer (-44)`: the host answered RCPT with 4xx. The host is well; it is the address that waits. */
const ERRNO_RCPT_4XX = -44;

/** What a deferred recipient takes along to its next attempt. */
export interface Retry {
  readonly atMs: number;
  readonly recipient: Recipient;
}

/**
 * When a deferred recipient is tried again.
 *
 * Host errors count from the first failure; errors of the address itself (routing, local delivery, 4xx to RCPT) from
 * the message's arrival, if that is earlier (Exim specification, "Retry configuration": message age).
 *
 * @returns undefined if the retry time is exceeded: the recipient has failed.
 */
export function nextRetry(
  recipient: Recipient,
  result: DeferredResult,
  message: { readonly receivedAtMs: number },
  steps: readonly RetryStep[],
  nowMs: number,
  random: () => number,
): Retry | undefined {
  const firstFailedAtMs = recipient.firstFailedAtMs ?? nowMs;
  const isHostError = result.host !== undefined && result.errno !== ERRNO_RCPT_4XX;
  const failingForMs = nowMs - (isHostError ? firstFailedAtMs : Math.min(firstFailedAtMs, message.receivedAtMs));
  if (hasTimedOut(steps, failingForMs)) return undefined;

  const plannedGapMs = recipient.lastDelayMs ?? 0;
  const actualGapMs = recipient.lastTriedAtMs === undefined ? plannedGapMs : nowMs - recipient.lastTriedAtMs;
  const delayMs = retryDelay(steps, { failingForMs, plannedGapMs, actualGapMs }, RETRY_INTERVAL_MAX_MS, random);
  if (delayMs === undefined) return undefined;
  return {
    atMs: nowMs + delayMs,
    recipient: {
      address: recipient.address,
      ...(recipient.notification === undefined ? {} : { notification: recipient.notification }),
      ...(recipient.origin === undefined ? {} : { origin: recipient.origin }),
      firstFailedAtMs,
      lastTriedAtMs: nowMs,
      lastDelayMs: delayMs,
      lastError: result.text,
    },
  };
}
