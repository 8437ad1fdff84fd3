import { compileExpansion, type RouterSettings, textOf } from "@postbus/policy";
import { accepted } from "../accepted.ts";
import type { Attempt } from "../attempt.ts";
import { type ChosenTransport, chosenTransport, namedTransport } from "../chosen-transport.ts";
import type { Flag, RunDriver } from "../compiled-router.ts";
import { type DriverResult, deferred, errorNumbers } from "../driver-result.ts";
import { compileFlag, flagValue } from "../flag.ts";
import { parseHostList } from "../hosts/host-list-text.ts";
import type { LookupWay } from "../hosts/listed-hosts.ts";
import { inheritedFrom } from "../inherited-from.ts";
import { isVerifying } from "../routing-context.ts";
import { type HostTroubles, resolveHosts } from "./resolve-hosts.ts";
import { compileRouteList, type RouteItem, readRouteData } from "./route-items.ts";

type Settings = Extract<RouterSettings, { kind: "manualroute" }>;

/** Sends domains to hosts that the configuration names (Exim's manual, "The manualroute router"). */
export function compileManualroute({ options }: Settings): RunDriver {
  const list = options.get("route_list");
  const data = options.get("route_data");
  const find = list === undefined ? readRouteData(compileExpansion(data ?? "")) : compileRouteList(list);
  const randomizes = compileFlag(options.get("hosts_randomize"));
  const troubles: HostTroubles = {
    findFailed: options.get("host_find_failed"),
    allIgnored: options.get("host_all_ignored"),
  };
  return async (attempt) => {
    const item = await find(attempt);
    return "kind" in item ? item : routeTo(item, attempt, randomizes, troubles);
  };
}

async function routeTo(
  item: RouteItem,
  attempt: Attempt,
  randomizes: Flag,
  troubles: HostTroubles,
): Promise<DriverResult> {
  const { address, router, run } = attempt;
  const hosts = await attempt.expand(item.hosts);
  attempt.evaluation.value = "";
  if (hosts.kind === "forced") return { kind: "declined", why: "the list of hosts is made to fail" };
  if (hosts.kind === "failed") {
    const text = `${router.name} router: failed to expand "${item.hosts.source}": ${hosts.text}`;
    return deferred(text, errorNumbers.expansion);
  }
  const hostText = textOf(hosts.value);
  const words = readWords(item.words, attempt);
  if ("kind" in words) return words;

  const inherited = await inheritedFrom(attempt);
  if ("kind" in inherited) return inherited;
  address.inherited = inherited;
  const transport = words.transport ?? (await ownTransport(attempt));
  if (transport?.kind === "deferred") return transport;
  if (transport?.isLocal === true) return accepted(attempt, transport, undefined, hostText || undefined);

  if (hostText === "") {
    if (isVerifying(run.context)) return accepted(attempt, transport);
    return deferred(`error in ${router.name} router: no host(s) specified for domain ${item.pattern}`);
  }
  const isRandom = words.isRandom ?? (await flagValue(randomizes, attempt, "hosts_randomize", false));
  if (typeof isRandom === "object") return isRandom;
  const resolved = await resolveHosts(attempt, parseHostList(hostText), { ...words, isRandom }, troubles);
  if ("kind" in resolved) return resolved;
  if (transport === undefined && !isVerifying(run.context)) return deferred("error in router: transport missing");
  return accepted(attempt, transport, resolved.hosts);
}

/** Of the router; it may have none if all of its routes name their own, or if it only verifies. */
async function ownTransport(attempt: Attempt): Promise<ChosenTransport | undefined | ReturnType<typeof deferred>> {
  return attempt.router.transport === undefined ? undefined : chosenTransport(attempt, attempt.router.transport);
}

interface Words {
  readonly way: LookupWay;
  readonly isRandom: boolean | undefined;
  readonly isIpv4Only: boolean;
  readonly prefersIpv4: boolean;
  readonly transport: ChosenTransport | undefined;
}

/** The words behind the hosts: how to look them up, in which order to try them, by which transport. */
function readWords(words: readonly string[], attempt: Attempt): Words | ReturnType<typeof deferred> {
  let read: Words = {
    way: "default",
    isRandom: undefined,
    isIpv4Only: false,
    prefersIpv4: false,
    transport: undefined,
  };
  for (const word of words) {
    const known = WORDS.get(word);
    const transport = known === undefined ? namedTransport(attempt, word) : undefined;
    if (known !== undefined) read = { ...read, ...known };
    else if (transport !== undefined) read = { ...read, transport };
    else return deferred(`error in router: unknown routing option or transport name "${word}"`);
  }
  return read;
}

const WORDS: ReadonlyMap<string, Partial<Words>> = new Map<string, Partial<Words>>([
  ["byname", { way: "byname" }],
  ["bydns", { way: "bydns" }],
  ["randomize", { isRandom: true }],
  ["no_randomize", { isRandom: false }],
  ["ipv4_only", { isIpv4Only: true }],
  ["ipv4_prefer", { prefersIpv4: true }],
]);
