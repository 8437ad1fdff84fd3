import { isIP } from "node:net";
import { DeferError } from "@postbus/mail";
import type { RetryStep } from "@postbus/queue";
import { createEvaluation } from "../expansion/create-evaluation.ts";
import type { SharedSurroundings } from "../load/policy-surroundings.ts";
import { type CompiledList, compileList } from "../matching/compile-list.ts";
import type { Policy, RetryFailure } from "../policy.ts";
import type { Configuration } from "../reader/configuration.ts";
import type { HostKind, RetryError } from "../reader/retry-error.ts";
import type { RetryRule } from "../reader/retry-rule.ts";

interface CompiledRule {
  readonly rule: RetryRule;
  /** Undefined: every address. */
  readonly addresses: CompiledList | undefined;
  readonly senders: CompiledList | undefined;
}

/** No rule fits: the first failure is the last (Exim's manual, "Retry configuration"). */
const NO_STEPS: readonly RetryStep[] = [];

/** It cannot be said now which rule fits. */
const UNDECIDED: readonly RetryStep[] = [{ kind: "F", cutoffMs: Number.MAX_SAFE_INTEGER, intervalMs: 15 * 60_000 }];

/** The retry section: which rule is for which failure. The first that fits counts. */
export function compileRetryRules({ retry }: Configuration, shared: SharedSurroundings): Policy["retryRule"] {
  const rules = retry.map(
    (rule): CompiledRule => ({
      rule,
      addresses: rule.pattern === "*" ? undefined : onePattern(rule.pattern),
      senders: rule.senders === undefined ? undefined : compileList("address", rule.senders),
    }),
  );
  const first = rules[0];
  if (first !== undefined && isForAll(first)) return () => first.rule.steps;
  return (failure) => firstFitting(rules, failure, shared);
}

/** A single item, whatever characters separate others. */
const onePattern = (pattern: string): CompiledList => compileList("address", `<\x01 ${pattern}`);

const isForAll = ({ rule, addresses, senders }: CompiledRule): boolean =>
  rule.error.kind === "any" && addresses === undefined && senders === undefined;

/**
 * Never throws: when it is asked for, some of the message's recipients may have got it, and that must be written down. What a
 * lookup could not say for now is asked again after the next failure.
 */
async function firstFitting(
  rules: readonly CompiledRule[],
  failure: RetryFailure,
  shared: SharedSurroundings,
): Promise<readonly RetryStep[]> {
  const variables: Readonly<Record<string, string>> = { sender_address: failure.returnPath };
  const evaluation = createEvaluation({ ...shared, variables: { get: (name) => variables[name] } });
  const keys = keysOf(failure);
  for (const { rule, addresses, senders } of rules) {
    if (!isErrorOf(rule.error, failure)) continue;
    try {
      if (senders !== undefined && (await senders.match(evaluation, failure.returnPath)) === undefined) continue;
      if (addresses === undefined) return rule.steps;
      for (const key of keys) if ((await addresses.match(evaluation, key)) !== undefined) return rule.steps;
    } catch (err) {
      if (err instanceof DeferError) return UNDECIDED;
      throw err;
    }
  }
  return NO_STEPS;
}

/** What patterns are compared with: for a failure of a host its name, then the domain (Exim's manual, "Choosing which retry rule to use"). */
function keysOf({ address, host, isOfDomain = false }: RetryFailure): readonly string[] {
  const ofDomain = `*${address.slice(address.lastIndexOf("@"))}`;
  if (host === undefined) return [isOfDomain ? ofDomain : address];
  return isIP(host) === 0 ? [`*@${host}`, ofDomain] : [`*@${host}`, `*@[${host}]`, ofDomain];
}

const errnos = { refused: 111, timeout: 110, lost_connection: -18, lookup: -32, auth_failed: -42 } as const;
const REPLIES = { mail_4xx: -45, rcpt_4xx: -44, data_4xx: -46 } as const;
/** TLS is required and not offered, or has failed. */
const TLS: readonly number[] = [-38, -37];
/** Exim's own, EDQUOT, ENOSPC: a full partition is handled as a full mailbox is. */
const QUOTA: readonly number[] = [-22, 122, 28];

function isErrorOf(error: RetryError, failure: RetryFailure): boolean {
  const { errno, isMx = false, isConnect = false, replyDigits, unreadForMs = 0 } = failure;
  switch (error.kind) {
    case "any":
      return true;
    case "refused":
      return errno === errnos.refused && isHostKind(error.hosts, isMx);
    case "timeout":
      return errno === errnos.timeout && (!error.isConnect || isConnect) && isHostKind(error.hosts, isMx);
    case "lost_connection":
    case "lookup":
    case "auth_failed":
      return errno === errnos[error.kind];
    case "tls_required":
      return TLS.includes(errno);
    case "quota":
      return QUOTA.includes(errno) && unreadForMs >= error.unreadForMs;
    case "mail_4xx":
    case "rcpt_4xx":
    case "data_4xx":
      return errno === REPLIES[error.kind] && isReply(error.code, replyDigits);
    case "timeout_dns":
      return false;
    default:
      throw new Error(`unhandled retry error: ${JSON.stringify(error satisfies never)}`);
  }
}

const isHostKind = (wanted: HostKind | undefined, isMx: boolean): boolean =>
  wanted === undefined || (wanted === "MX") === isMx;

/** @param code `4xx`, `45x`, `452`. @param digits The last two of the reply. */
function isReply(code: string, digits: number | undefined): boolean {
  if (code === "4xx") return true;
  if (digits === undefined) return false;
  const reply = `4${String(digits).padStart(2, "0")}`;
  return code.endsWith("x") ? reply.startsWith(code.slice(0, 2)) : reply === code;
}
