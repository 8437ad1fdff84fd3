import { Tainted, type Value } from "@postbus/policy";
import { type AddressOrigin, originOf } from "./address-origin.ts";
import type { AddressResult } from "./address-result.ts";
import type { Attempt } from "./attempt.ts";
import type { Accepted, TransportDirectories } from "./driver-result.ts";
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
  const origin = originOf(address, run.routers);
  const parents = origin?.parents ?? NOBODY;
  const base = { address: address.text, parents, origin };
  const { errorsTo, ignoresErrors } = address.inherited;
  switch (end.kind) {
    case "accepted":
      return delivery(address, origin, end.accepted, end.attempt, run);
    case "discarded":
      return { ...base, kind: "discard", router: end.router };
    case "failed": {
      const { replyText } = address;
      return { ...base, kind: "fail", router: end.router, text: end.text, replyText, errorsTo, ignoresErrors };
    }
    case "deferred": {
      const { text, errno, isFrozen = false } = end.deferred;
      const { replyText, isTextForClient } = address;
      const failing = isFrozen ? undefined : failingPart(address);
      return { ...base, kind: "defer", router: end.router, text, errno, isFrozen, failing, replyText, isTextForClient };
    }
    default:
      throw new Error(`unhandled end: ${JSON.stringify(end satisfies never)}`);
  }
}

function failingPart({ router }: RoutedAddress): "address" | "domain" | undefined {
  if (router === undefined) return undefined;
  return router.isRetriedByLocalPart ? "address" : "domain";
}

function delivery(
  address: RoutedAddress,
  origin: AddressOrigin | undefined,
  { transport, isLocal, hosts, hostText, fallbackHosts, user, group, directories }: Accepted,
  attempt: Attempt,
  run: RoutingRun,
): Delivery {
  const { inherited } = address;
  const { router } = attempt;
  // One literal: objects of that many properties are dear to copy.
  return {
    address: address.text,
    parents: origin?.parents ?? NOBODY,
    origin,
    kind: "deliver",
    to: address.kind,
    router: router.name,
    transport,
    isLocal,
    hosts,
    hostText,
    fallbackHosts,
    unique: address.unique,
    isDuplicate: false,
    errorsTo: inherited.errorsTo,
    srsSender: inherited.srsSender,
    ignoresErrors: inherited.ignoresErrors,
    headersAdd: inherited.headersAdd,
    headersRemove: inherited.headersRemove,
    isLastHop: inherited.isLastHop,
    user,
    group,
    variables: variablesOf(address, attempt, transport, directories, run),
    isHiddenInBounces: address.isHiddenAtAll,
    isLogged: router.isLogged,
    isLoggedAsLocal: router.isLoggedAsLocal,
  };
}

function variablesOf(
  { kind, text, isTainted }: RoutedAddress,
  attempt: Attempt,
  transport: string | undefined,
  directories: TransportDirectories | undefined,
  run: RoutingRun,
): ReadonlyMap<string, Value> {
  const { carries } = run.context;
  const isCarried = carries === undefined ? anyVariable : carries(transport);
  if (isCarried === undefined) return NO_VARIABLES;
  const variables = new Map<string, Value>();
  run.variables.attempt = attempt;
  for (const name of carriedVariables) {
    if (!isCarried(name)) continue;
    const value = run.variables.get(name);
    if (value !== undefined && value !== "") variables.set(name, typeof value === "object" ? value : String(value));
  }
  if (directories?.home !== undefined && isCarried("home")) variables.set("home", directories.home);
  if (directories?.current !== undefined && isCarried("current_directory")) {
    variables.set("current_directory", directories.current);
  }
  const item = kind === "pipe" ? "address_pipe" : "address_file";
  if (kind !== "mailbox" && isCarried(item)) variables.set(item, isTainted ? new Tainted(text) : text);
  for (const [name, value] of attempt.address.inherited.variables) if (isCarried(name)) variables.set(name, value);
  return variables;
}

const NOBODY: readonly string[] = [];

const NO_VARIABLES: ReadonlyMap<string, Value> = new Map();

const anyVariable = (): boolean => true;
