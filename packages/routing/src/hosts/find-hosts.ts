import type { RecordData } from "@postbus/dns";
import { type CompiledList, type Evaluation, lowerCase, sameAddress } from "@postbus/policy";
import {
  addressIn,
  addressRecords,
  askDns,
  askedTogether,
  type FoundAddress,
  type HostQuery,
  isIgnored,
  isListed,
  shuffled,
  trustIn,
} from "./address-records.ts";
import { isHostName } from "./host-name.ts";
import { withoutLocalHost } from "./local-host.ts";
import type { RoutedHost } from "./routed-host.ts";

/** What is known about the hosts of a domain. */
export type HostsAnswer =
  | {
      readonly kind: "found";
      readonly hosts: readonly RoutedHost[];
      /** The first of them is this one. */
      readonly isLocal: boolean;
      /** This one was among them, and is not any more. */
      readonly hasLostLocal: boolean;
    }
  /** There are none; why, where it is worth telling. */
  | { readonly kind: "none"; readonly why?: "no service" | "no such hosts" | "addresses as hosts" | "bad name" }
  | { readonly kind: "ignored" }
  | { readonly kind: "again" }
  | { readonly kind: "insecure" };

/** Where hosts are looked for. */
export interface DomainQuery extends HostQuery {
  readonly sources: {
    /** `_smtp._tcp` and the domain: the word behind the first underscore. */
    readonly service?: string | undefined;
    readonly mx: boolean;
    readonly addresses: boolean;
  };
  /** A failure to get such records counts as if there were none. */
  readonly srvFailures?: CompiledList | undefined;
  readonly mxFailures?: CompiledList | undefined;
}

/** Records of one domain that are looked at; each costs two questions. */
const MAX_RECORDS = 50;
const MAX_PARALLEL = 10;

/** The hosts of a domain: by SRV, else by MX, else by its own addresses (RFC 5321 §5.1, RFC 2782). */
export async function findHosts(domain: string, query: DomainQuery): Promise<HostsAnswer> {
  if (!(await isHostName(domain, query.settings, query.evaluation))) return { kind: "none", why: "bad name" };
  const { service, mx, addresses } = query.sources;
  if (service !== undefined) {
    const answer = await byRecords("SRV", `_${service}._tcp.${domain}`, domain, query.srvFailures, query);
    if (answer !== undefined) return answer;
  }
  if (mx) {
    const answer = await byRecords("MX", domain, domain, query.mxFailures, query);
    if (answer !== undefined) return answer;
  }
  return addresses ? byAddress(domain, query) : { kind: "none" };
}

async function byAddress(domain: string, query: DomainQuery): Promise<HostsAnswer> {
  const answer = await addressRecords(domain, query);
  if (answer.kind !== "found") return answer;
  const target: Target = { name: domain, mx: undefined, port: undefined };
  return cutAtLocal(hostsOf(target, answer.addresses, true), query);
}

interface Target {
  readonly name: string;
  readonly mx: number | undefined;
  readonly port: number | undefined;
}

/** @returns undefined: there are no such records, and other ones may be asked for. */
async function byRecords(
  type: "MX" | "SRV",
  name: string,
  domain: string,
  failures: CompiledList | undefined,
  query: DomainQuery,
): Promise<HostsAnswer | undefined> {
  const trust = await trustIn(domain, query);
  const answer = await askDns(name, type, query);
  if (answer === undefined) {
    return (await isListed(failures, domain, query.evaluation)) ? undefined : { kind: "again" };
  }
  if (answer.state !== "found") return undefined;
  if (trust === "required" && !answer.authenticated) return { kind: "insecure" };
  const targets =
    type === "MX"
      ? mxTargets(answer.records as readonly RecordData["MX"][], query.evaluation)
      : srvTargets(answer.records as readonly RecordData["SRV"][], query.evaluation);
  // RFC 7505, RFC 2782: the root as the only target.
  if (targets.every(({ name: host }) => host === "")) return { kind: "none", why: "no service" };
  return targetHosts(targets.slice(0, MAX_RECORDS), trust !== "none" && answer.authenticated, query);
}

async function targetHosts(
  targets: readonly Target[],
  isAuthenticated: boolean,
  base: DomainQuery,
): Promise<HostsAnswer> {
  const names = targets.slice(0, MAX_PARALLEL).map(({ name }) => name);
  const asked = askedTogether(names, base);
  const query = asked === undefined ? base : { ...base, asked };
  const hosts: RoutedHost[] = [];
  let isUncertain = false;
  let hasUsable = false;
  for (const target of targets) {
    const found = await targetAddresses(target.name, query);
    if (found.kind === "insecure") return found;
    // As if the record were not there.
    if (found.kind === "ignored") continue;
    if (found.kind === "again") isUncertain = true;
    const addresses = found.kind === "found" ? found.addresses.filter((one) => !isAmong(one, target, hosts)) : [];
    hasUsable ||= addresses.length > 0;
    if (found.kind !== "found")
      hosts.push(...hostsOf(target, [{ address: undefined, isAuthenticated: false }], isAuthenticated));
    else hosts.push(...hostsOf(target, addresses, isAuthenticated));
  }
  if (hasUsable) return cutAtLocal(hosts, query);
  if (isUncertain) return { kind: "again" };
  const [first] = hosts;
  const areAddresses = !query.settings.allowsMxToIp && first !== undefined && addressIn(first.name) !== undefined;
  return { kind: "none", why: areAddresses ? "addresses as hosts" : "no such hosts" };
}

async function targetAddresses(name: string, query: DomainQuery): ReturnType<typeof addressRecords> {
  if (name === "") return { kind: "none" };
  const address = addressIn(name);
  if (address === undefined) return addressRecords(name, query);
  if (!query.settings.allowsMxToIp) return { kind: "none" };
  if (await isIgnored(address, query)) return { kind: "ignored" };
  return { kind: "found", addresses: [{ address, isAuthenticated: false }] };
}

/** A better host has this address already. */
function isAmong({ address }: FoundAddress, { port }: Target, hosts: readonly RoutedHost[]): boolean {
  return hosts.some((host) => host.port === port && host.address !== undefined && sameAddress(host.address, address));
}

interface NoAddress {
  readonly address: undefined;
  readonly isAuthenticated: false;
}

const hostOf = ({ name, mx, port }: Target) => ({ name, mx, port, group: 0 });

function hostsOf(
  target: Target,
  addresses: readonly (FoundAddress | NoAddress)[],
  isAuthenticated: boolean,
): RoutedHost[] {
  return addresses.map(({ address, isAuthenticated: isOwn }) => ({
    ...hostOf(target),
    address,
    isAuthenticated: isAuthenticated && isOwn,
    ...(isAuthenticated && target.mx !== undefined ? { isRecordAuthenticated: true } : {}),
  }));
}

async function cutAtLocal(all: readonly RoutedHost[], query: HostQuery): Promise<HostsAnswer> {
  const { hosts, isFirst, isRemoved } = await withoutLocalHost(all, query.settings, query.evaluation);
  if (isRemoved && hosts.every(({ address }) => address === undefined)) return { kind: "none", why: "no such hosts" };
  return { kind: "found", hosts, isLocal: isFirst, hasLostLocal: isRemoved };
}

/** Hosts of equal preference in any order; of several records for one host, the best. */
function mxTargets(records: readonly RecordData["MX"][], evaluation: Evaluation): Target[] {
  const targets = records.map(({ exchange, preference }) => ({ name: exchange, mx: preference, port: undefined }));
  return withoutRepetition(shuffled(targets, evaluation).sort((a, b) => a.mx - b.mx));
}

/** By priority; within one, each is first as often as its weight says (RFC 2782). */
function srvTargets(records: readonly RecordData["SRV"][], { around }: Evaluation): Target[] {
  const rest = [...records].sort((a, b) => a.priority - b.priority || a.weight - b.weight);
  const targets: Target[] = [];
  while (rest.length > 0) {
    const end = rest.findIndex(({ priority }) => priority !== rest[0]?.priority);
    const equals = end === -1 ? rest : rest.slice(0, end);
    let drawn = around.random(equals.reduce((sum, { weight }) => sum + weight, 1));
    const chosen = equals.findIndex(({ weight }) => {
      drawn -= weight;
      return drawn <= 0;
    });
    const [record] = rest.splice(Math.max(chosen, 0), 1);
    if (record !== undefined) targets.push({ name: record.target, mx: record.priority, port: record.port });
    if (targets.length >= MAX_RECORDS) break;
  }
  return withoutRepetition(targets);
}

function withoutRepetition(targets: readonly Target[]): Target[] {
  const seen = new Set<string>();
  return targets.filter(({ name, port }) => {
    const key = `${lowerCase(name)} ${port}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
