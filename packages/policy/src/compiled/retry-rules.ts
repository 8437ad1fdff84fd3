import type { RetryStep } from "@postbus/queue";
import { createEvaluation } from "../expansion/create-evaluation.ts";
import type { SharedSurroundings } from "../load/policy-surroundings.ts";
import { type CompiledList, compileList } from "../matching/compile-list.ts";
import type { Policy, RetryFailure } from "../policy.ts";
import type { Configuration } from "../reader/configuration.ts";
import type { RetryError } from "../reader/retry-error.ts";
import type { RetryRule } from "../reader/retry-rule.ts";

interface CompiledRule {
  readonly rule: RetryRule;
  /** Undefined: every address. */
  readonly addresses: CompiledList | undefined;
  readonly senders: CompiledList | undefined;
}

/** No rule fits: the first failure is the last (Exim's manual, "Retry configuration"). */
const NO_STEPS: readonly RetryStep[] = [];

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

/** @throws {DeferError} it cannot be said now. */
async function firstFitting(
  rules: readonly CompiledRule[],
  failure: RetryFailure,
  shared: SharedSurroundings,
): Promise<readonly RetryStep[]> {
  const variables: Readonly<Record<string, string>> = { sender_address: failure.returnPath };
  const evaluation = createEvaluation({ ...shared, variables: { get: (name) => variables[name] } });
  const domain = failure.address.slice(failure.address.lastIndexOf("@") + 1);
  for (const { rule, addresses, senders } of rules) {
    if (!isErrorOf(rule.error, failure)) continue;
    if (addresses !== undefined && (await addresses.match(evaluation, failure.address)) === undefined) {
      // A rule for a host is meant for the errors of the host.
      const host = failure.host ?? domain;
      if ((await addresses.match(evaluation, `*@${host}`)) === undefined) continue;
    }
    if (senders !== undefined && (await senders.match(evaluation, failure.returnPath)) === undefined) continue;
    return rule.steps;
  }
  return NO_STEPS;
}

const errors = { refused: 111, timeout: 110, lost: -18, lookup: -32, tls: -38, auth: -42, quota: -22 } as const;
const REPLIES = { mail_4xx: -45, rcpt_4xx: -44, data_4xx: -46 } as const;

/** Which kind of host it was, and the digits of a reply, are not known here: a rule for one of them is for all. */
function isErrorOf(error: RetryError, { errno }: RetryFailure): boolean {
  switch (error.kind) {
    case "any":
      return true;
    case "refused":
      return errno === errors.refused;
    case "timeout":
      return errno === errors.timeout;
    case "lost_connection":
      return errno === errors.lost;
    case "lookup":
      return errno === errors.lookup;
    case "tls_required":
      return errno === errors.tls;
    case "auth_failed":
      return errno === errors.auth;
    case "quota":
      return errno === errors.quota;
    case "mail_4xx":
    case "rcpt_4xx":
    case "data_4xx":
      return errno === REPLIES[error.kind];
    case "timeout_dns":
      return false;
    default:
      throw new Error(`unhandled retry error: ${JSON.stringify(error satisfies never)}`);
  }
}
