import type { ConcludeContext, RetryStep } from "@postbus/queue";
import type { RoutingPolicy } from "./destinations.ts";
import type { RouterDeps } from "./handler.ts";

const NO_RULES: ReadonlyMap<string, readonly RetryStep[]> = new Map();

/** What consequences are drawn with. @param steps Of the retry rule of each deferred address. */
export function concludeContext(
  policy: RoutingPolicy,
  deps: RouterDeps,
  nowMs: number,
  steps: ReadonlyMap<string, readonly RetryStep[]> = NO_RULES,
): ConcludeContext {
  return {
    service: "router",
    nowMs,
    random: deps.random,
    primaryHostname: policy.primaryHostname,
    qualifyDomain: policy.qualifyDomain,
    reports: policy.reports,
    ...(policy.queue === undefined ? {} : { rules: policy.queue }),
    retryRule: (address) => steps.get(address) ?? [],
    readSpooled: deps.readSpooled,
    ...(deps.createSpooled === undefined ? {} : { createSpooled: deps.createSpooled }),
    ...(policy.log.ofDeliveries === undefined ? {} : { logged: policy.log.ofDeliveries, tookMs: 0 }),
  };
}
