import type { Value } from "@postbus/policy";
import type { AddressResult } from "./address-result.ts";
import type { Attempt } from "./attempt.ts";
import type { Accepted } from "./driver-result.ts";
import type { RoutedAddress } from "./routed-address.ts";
import type { Delivery, RoutingOutcome } from "./routing-result.ts";
import type { RoutingRun } from "./routing-run.ts";
import { carriedVariables } from "./routing-variables.ts";

/** The end of one address, as others are told of it. */
export function outcomeOf(
  address: RoutedAddress,
  end: Exclude<AddressResult["end"], { kind: "replaced" }>,
  run: RoutingRun,
): RoutingOutcome {
  const parents = Array.from(address.ancestors(), ({ text }) => text);
  const base = { address: address.text, parents };
  const { errorsTo, ignoresErrors } = address.inherited;
  switch (end.kind) {
    case "accepted":
      return { ...base, ...delivery(address, end.accepted, end.attempt, run) };
    case "discarded":
      return { ...base, kind: "discard", router: end.router };
    case "failed": {
      const { replyText } = address;
      return { ...base, kind: "fail", router: end.router, text: end.text, replyText, errorsTo, ignoresErrors };
    }
    case "deferred": {
      const { text, errno, isFrozen = false } = end.deferred;
      const { replyText, isTextForClient } = address;
      return { ...base, kind: "defer", router: end.router, text, errno, isFrozen, replyText, isTextForClient };
    }
    default:
      throw new Error(`unhandled end: ${JSON.stringify(end satisfies never)}`);
  }
}

function delivery(
  address: RoutedAddress,
  { transport, isLocal, hosts, hostText, fallbackHosts, user, group }: Accepted,
  attempt: Attempt,
  run: RoutingRun,
): Omit<Delivery, "address" | "parents"> {
  const { inherited } = address;
  const { generic } = attempt.router.settings;
  return {
    kind: "deliver",
    to: address.kind,
    router: attempt.router.name,
    transport,
    isLocal,
    hosts,
    hostText,
    fallbackHosts,
    unique: address.unique,
    isDuplicate: false,
    errorsTo: inherited.errorsTo,
    ignoresErrors: inherited.ignoresErrors,
    headersAdd: inherited.headersAdd,
    headersRemove: inherited.headersRemove,
    isLastHop: inherited.isLastHop,
    user,
    group,
    isRetriedByLocalPart: generic.get("retry_use_local_part") ?? looksAtLocalPart(attempt),
    variables: variablesOf(attempt, run),
    replacesParent: address.isOneTime,
    isHiddenInBounces: isHidden(address),
    isLogged: !generic.get("disable_logging"),
  };
}

/** What decides depends on more than the domain, and so does what is remembered of failures. */
function looksAtLocalPart({ router }: Attempt): boolean {
  const { generic } = router.settings;
  return (
    router.prefix !== undefined ||
    router.suffix !== undefined ||
    generic.get("check_local_user") ||
    OPTIONS.some((name) => generic.get(name) !== undefined)
  );
}

const OPTIONS = ["local_parts", "condition", "senders", "require_files"] as const;

function isHidden(address: RoutedAddress): boolean {
  return address.isHidden || address.ancestors().some((ancestor) => ancestor.isHidden);
}

function variablesOf(attempt: Attempt, run: RoutingRun): ReadonlyMap<string, Value> {
  const variables = new Map<string, Value>();
  run.variables.attempt = attempt;
  for (const name of carriedVariables) {
    const value = run.variables.get(name);
    if (value !== undefined && value !== "") variables.set(name, typeof value === "object" ? value : String(value));
  }
  for (const [name, value] of attempt.address.inherited.variables) variables.set(name, value);
  return variables;
}
