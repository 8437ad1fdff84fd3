import { isIP } from "node:net";
import type { Answer } from "@postbus/dns";
import { DeferError } from "@postbus/mail";
import { type CompiledList, type Evaluation, sameAddress } from "@postbus/policy";
import { matchList } from "../match-list.ts";
import type { HostSettings } from "../routing-settings.ts";

/** What a router may say about the hosts that it looks for. */
export interface HostQuery {
  readonly evaluation: Evaluation;
  readonly settings: HostSettings;
  /** `ignore_target_hosts` */
  readonly ignored: CompiledList | undefined;
  /** `ipv4_only` */
  readonly isIpv4Only: boolean;
  /** `ipv4_prefer` */
  readonly prefersIpv4: boolean;
  /** `dnssec_request_domains` */
  readonly dnssecRequested: CompiledList | undefined;
  /** `dnssec_require_domains` */
  readonly dnssecRequired: CompiledList | undefined;
  /** Questions that are on their way, by type and name. */
  readonly asked?: ReadonlyMap<string, Promise<Answer | undefined>>;
}

export interface FoundAddress {
  readonly address: string;
  readonly isAuthenticated: boolean;
}

/** `ignored`: there are some, and all of them are to be ignored. */
export type AddressAnswer =
  | { readonly kind: "found"; readonly addresses: readonly FoundAddress[] }
  | { readonly kind: "none" | "ignored" | "again" | "insecure" };

/** Hosts do not have more than that; a zone that says so would have us connect to all of them. */
const MAX_ADDRESSES = 100;

/**
 * The addresses of a host by the DNS: IPv6 before IPv4, or the other way round if that is preferred; those of a family in
 * any order.
 */
export async function addressRecords(name: string, query: HostQuery): Promise<AddressAnswer> {
  const { evaluation, settings } = query;
  const isIpv4Only = query.isIpv4Only || !settings.hasIpv6 || (await isListed(settings.ipv4Only, name, evaluation));
  const types = isIpv4Only ? (["A"] as const) : query.prefersIpv4 ? (["A", "AAAA"] as const) : (["AAAA", "A"] as const);
  const trust = await trustIn(name, query);
  const found: FoundAddress[] = [];
  let isUncertain = false;
  let hasIgnored = false;
  let hasInsecure = false;
  for (const type of types) {
    const answer = await askDns(name, type, query);
    if (answer === undefined) {
      isUncertain = true;
      continue;
    }
    if (answer.state !== "found") continue;
    const isAuthenticated = trust !== "none" && answer.authenticated;
    if (trust === "required" && !answer.authenticated) {
      hasInsecure = true;
      continue;
    }
    for (const address of shuffled(answer.records, evaluation)) {
      if (await isIgnored(address, query)) hasIgnored = true;
      else if (!found.some((other) => sameAddress(other.address, address))) found.push({ address, isAuthenticated });
    }
  }
  if (found.length > 0) return { kind: "found", addresses: found.slice(0, MAX_ADDRESSES) };
  if (hasInsecure) return { kind: "insecure" };
  if (isUncertain) return { kind: "again" };
  return { kind: hasIgnored ? "ignored" : "none" };
}

/** One question; undefined: nobody can say now. */
export async function askDns<T extends "A" | "AAAA" | "MX" | "SRV">(
  name: string,
  type: T,
  query: HostQuery,
): Promise<Answer<T> | undefined> {
  const asked = query.asked?.get(`${type} ${name}`) as Promise<Answer<T> | undefined> | undefined;
  const answer = await (asked ?? resolve(name, type, query));
  if (answer !== undefined) return answer;
  const isNonexistent = await isListed(query.settings.againMeansNonexistent, name, query.evaluation);
  return isNonexistent ? { state: "no such name", authenticated: false, ttlSeconds: 0 } : undefined;
}

async function resolve<T extends "A" | "AAAA" | "MX" | "SRV">(
  name: string,
  type: T,
  { evaluation }: HostQuery,
): Promise<Answer<T> | undefined> {
  const { resolver, signal } = evaluation.around;
  try {
    return await resolver?.resolve(name, type, signal === undefined ? {} : { signal });
  } catch (error) {
    if (error instanceof DeferError) return undefined;
    throw error;
  }
}

/** Asks for the addresses of several hosts at once: one dead name server must not hold up all of them, one by one. */
export function askedTogether(names: readonly string[], query: HostQuery): HostQuery["asked"] {
  const asked = new Map<string, Promise<Answer | undefined>>();
  for (const name of names) {
    if (name === "" || addressIn(name) !== undefined) continue;
    asked.set(`A ${name}`, resolve(name, "A", query));
    if (query.settings.hasIpv6 && !query.isIpv4Only) asked.set(`AAAA ${name}`, resolve(name, "AAAA", query));
  }
  // Whoever takes an answer hears of what went wrong; an answer that nobody takes is of no consequence.
  for (const answer of asked.values()) answer.catch(() => undefined);
  return asked;
}

/** What is expected of the DNS for a name: nothing, the AD bit if there is one, or the AD bit. */
export async function trustIn(name: string, query: HostQuery): Promise<"none" | "requested" | "required"> {
  const { evaluation, dnssecRequired, dnssecRequested } = query;
  if (await isListed(dnssecRequired, name, evaluation)) return "required";
  return (await isListed(dnssecRequested, name, evaluation)) ? "requested" : "none";
}

/** `ignore_target_hosts`: such an address counts as if the host did not have it. */
export async function isIgnored(address: string, { ignored, evaluation }: HostQuery): Promise<boolean> {
  return ignored !== undefined && (await matchList(ignored, evaluation, { address })) !== undefined;
}

/** @throws {DeferError} the list cannot be decided now. */
export async function isListed(list: CompiledList | undefined, name: string, evaluation: Evaluation): Promise<boolean> {
  return list !== undefined && (await matchList(list, evaluation, name)) !== undefined;
}

/** Load is spread over hosts that are named without an order (RFC 5321 §5.1). */
export function shuffled<T>(things: readonly T[], { around }: Evaluation): T[] {
  const result = [...things];
  for (let i = result.length - 1; i > 0; i--) {
    const j = around.random(i + 1);
    const [a, b] = [result[i], result[j]];
    if (a !== undefined && b !== undefined) [result[i], result[j]] = [b, a];
  }
  return result;
}

/** An IP address that stands where a host name is expected, without its brackets. */
export function addressIn(name: string): string | undefined {
  const plain = /^\[(?:IPv6:)?(.*)\]$/i.exec(name)?.[1] ?? name;
  return isIP(plain) === 0 ? undefined : plain;
}
