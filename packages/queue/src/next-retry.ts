import type { Recipient } from "@postbus/contracts";
import type { DeferredAttempt, HostsStand, Remembered } from "./attempt-result.ts";
import type { QueueRules } from "./queue-rules.ts";
import { failedAgain, type RetryRecord } from "./records/retry-record.ts";
import type { RetryStep } from "./retry-delay.ts";

/** What a deferred recipient takes along to its next attempt. */
export interface Retry {
  readonly atMs: number;
  readonly recipient: Recipient;
}

interface RetryContext {
  readonly receivedAtMs: number;
  readonly steps: readonly RetryStep[];
  readonly rules: QueueRules;
  readonly nowMs: number;
  /** From 0 up to but not including 1. */
  readonly random: () => number;
}

/** What waits for a host that was not even tried comes back over so much of the host's interval, not all of it at once. */
const SKIPPED_SPREAD = 0.5;

/**
 * When a deferred recipient is tried again.
 *
 * Where hosts are to blame, it is when the first of them may be tried; else what is remembered of the address, or where nobody
 * shares that, its own history says.
 *
 * @returns undefined if the retry time is exceeded: the recipient has failed.
 */
export function nextRetry(recipient: Recipient, result: DeferredAttempt, context: RetryContext): Retry | undefined {
  const { nowMs, rules, random } = context;
  const { hosts } = result;
  if (result.isFrozen === true) return { atMs: nowMs, recipient: { ...recipient, lastError: result.text } };
  if (hosts?.areAllSkipped === true) {
    const atMs = Math.max(hosts.nextTryAtMs, nowMs) + Math.ceil(random() * SKIPPED_SPREAD * hosts.gapMs);
    const { suspended: _, waitsFor: __, ...waiting } = recipient;
    const suspended = result.suspended === undefined ? {} : { suspended: result.suspended };
    return {
      atMs,
      recipient: { ...waiting, lastError: recipient.lastError ?? result.text, ...suspended, ...hostsOf(hosts) },
    };
  }
  const own = result.remembered ?? ownHistory(recipient, result, context);
  const isHostError = hosts !== undefined && result.isHostError === true;
  if (isHostError ? hosts.haveTimedOut : own.hasTimedOut && hosts?.haveTimedOut !== false) return undefined;
  const delayMs = delayOf(isHostError ? undefined : own.nextTryAtMs, hosts, nowMs);
  const { retryKey: _, suspended: __, waitsFor: ___, ...rest } = recipient;
  const next: Recipient = {
    ...rest,
    firstFailedAtMs: recipient.firstFailedAtMs ?? nowMs,
    lastTriedAtMs: nowMs,
    lastDelayMs: delayMs,
    lastError: result.text,
    ...hostsOf(hosts),
  };
  if (result.retryKey !== undefined) next.retryKey = result.retryKey;
  return { atMs: nowMs + delayMs + Math.floor((random() * rules.retryJitterPercent * delayMs) / 100), recipient: next };
}

const hostsOf = (hosts: HostsStand | undefined): Pick<Recipient, "waitsFor"> =>
  hosts?.names === undefined ? {} : { waitsFor: [...hosts.names] };

/** What the recipient's own history says, which nobody else knows. */
function ownHistory(
  recipient: Recipient,
  result: DeferredAttempt,
  { receivedAtMs, steps, nowMs, rules, random }: RetryContext,
): Partial<Remembered> & Pick<Remembered, "hasTimedOut"> {
  const { errno, text } = result;
  const failure = { errno, text, nowMs, receivedAtMs, isHost: isHosts(result) };
  const { record, hasTimedOut } = failedAgain(recordOf(recipient), failure, steps, rules, random);
  return record === undefined ? { hasTimedOut } : { hasTimedOut, nextTryAtMs: record.nextTryAtMs };
}

/** `defer (-44)`: the host answered RCPT with 4xx. The host is well; it is the address that waits. */
const ERRNO_RCPT_4XX = -44;

const isHosts = ({ isHostError, host, errno }: DeferredAttempt): boolean =>
  isHostError ?? (host !== undefined && errno !== ERRNO_RCPT_4XX);

function recordOf({ firstFailedAtMs, lastTriedAtMs, lastDelayMs = 0 }: Recipient): RetryRecord | undefined {
  if (firstFailedAtMs === undefined) return undefined;
  const triedAtMs = lastTriedAtMs ?? firstFailedAtMs;
  const nextTryAtMs = triedAtMs + lastDelayMs;
  return { firstFailedAtMs, lastTriedAtMs: triedAtMs, nextTryAtMs, isExpired: false, errno: 0, text: "" };
}

function delayOf(ownMs: number | undefined, hosts: HostsStand | undefined, nowMs: number): number {
  const times = [ownMs, hosts?.nextTryAtMs].filter((time) => time !== undefined);
  return Math.max(0, Math.min(...times) - nowMs);
}
