import {
  type CompiledList,
  compileExpansion,
  compileList,
  type RouterSettings,
  splitList,
  textOf,
} from "@postbus/policy";
import { accepted } from "../accepted.ts";
import type { Attempt } from "../attempt.ts";
import { chosenTransport } from "../chosen-transport.ts";
import type { RunDriver } from "../compiled-router.ts";
import { type DriverResult, deferred, errorNumbers } from "../driver-result.ts";
import { compileFlag, flagValue } from "../flag.ts";
import { isListed } from "../hosts/address-records.ts";
import { findHosts, type HostsAnswer } from "../hosts/find-hosts.ts";
import { hostQuery, memoryKey } from "../hosts/host-query.ts";
import { inheritedFrom } from "../inherited-from.ts";
import { selfResult, underDomain } from "./self.ts";

type Settings = Extract<RouterSettings, { kind: "dnslookup" }>;
type Found = Extract<HostsAnswer, { kind: "found" }>;

/** Names that `widen_domains` may have us try. */
const MAX_NAMES = 20;

/** Finds hosts by the DNS (Exim's manual, "The dnslookup router"). */
export function compileDnslookup({ options }: Settings): RunDriver {
  const domains = (name: "mx_domains" | "mx_fail_domains" | "srv_fail_domains" | "fail_defer_domains") => {
    const text = options.get(name);
    return text === undefined ? undefined : compileList("domain", text);
  };
  const service = options.get("check_srv");
  const compiled: Compiled = {
    service: service === undefined ? undefined : compileExpansion(service),
    widening: [...splitList(options.get("widen_domains") ?? "").items].slice(0, MAX_NAMES),
    mxDomains: domains("mx_domains"),
    mxFailures: domains("mx_fail_domains"),
    srvFailures: domains("srv_fail_domains"),
    failDefers: domains("fail_defer_domains"),
    isIpv4Only: compileFlag(options.get("ipv4_only")),
    prefersIpv4: compileFlag(options.get("ipv4_prefer")),
    mustBeSecondary: options.get("check_secondary_mx"),
    isFixed: [options.get("mx_fail_domains"), options.get("srv_fail_domains")].every((text) => !text?.includes("$")),
  };
  return (attempt) => lookUp(attempt, compiled);
}

interface Compiled {
  readonly service: ReturnType<typeof compileExpansion> | undefined;
  readonly widening: readonly string[];
  readonly mxDomains: CompiledList | undefined;
  readonly mxFailures: CompiledList | undefined;
  readonly srvFailures: CompiledList | undefined;
  readonly failDefers: CompiledList | undefined;
  readonly isIpv4Only: ReturnType<typeof compileFlag>;
  readonly prefersIpv4: ReturnType<typeof compileFlag>;
  readonly mustBeSecondary: boolean;
  /** Hosts depend on nothing but the domain. */
  readonly isFixed: boolean;
}

async function lookUp(attempt: Attempt, compiled: Compiled): Promise<DriverResult> {
  const { address, router, evaluation } = attempt;
  const service = await serviceName(attempt, compiled);
  if (typeof service === "object") return service;
  const isIpv4Only = await flagValue(compiled.isIpv4Only, attempt, "ipv4_only", false);
  if (typeof isIpv4Only === "object") return isIpv4Only;
  const prefersIpv4 = await flagValue(compiled.prefersIpv4, attempt, "ipv4_prefer", false);
  if (typeof prefersIpv4 === "object") return prefersIpv4;
  const query = {
    ...hostQuery(attempt, { isIpv4Only, prefersIpv4 }),
    sources: { service, mx: true, addresses: true },
    mxFailures: compiled.mxFailures,
    srvFailures: compiled.srvFailures,
  };
  for (const name of [address.domain, ...compiled.widening.map((end) => `${address.domain}.${end}`)]) {
    const key = compiled.isFixed ? memoryKey(attempt, name, service, isIpv4Only, prefersIpv4) : undefined;
    const answer = await attempt.run.memory.hosts(key, () => findHosts(name, query));
    if (answer.kind === "insecure") return deferred("host lookup done insecurely", errorNumbers.dns);
    if (answer.kind === "again") {
      if (router.passesOnTimeout) return { kind: "passed", why: "the DNS does not answer" };
      return deferred("host lookup did not complete", errorNumbers.dns);
    }
    if (answer.kind === "found") {
      const isByAddress = answer.hosts[0]?.mx === undefined;
      if (isByAddress && (await isListed(compiled.mxDomains, name, evaluation))) continue;
      return route(attempt, name, answer, compiled);
    }
    if (await isListed(compiled.failDefers, name, evaluation)) {
      return deferred("missing MX, or all MXs point to missing A records, and defer requested");
    }
    const said = answer.kind === "none" ? declined(attempt, answer.why, name) : undefined;
    if (said !== undefined) return said;
  }
  return { kind: "declined", why: `no hosts for ${address.domain}` };
}

async function serviceName(attempt: Attempt, { service }: Compiled): Promise<string | undefined | DriverResult> {
  if (service === undefined) return undefined;
  const expanded = await attempt.expand(service);
  if (expanded.kind === "value") return textOf(expanded.value) || undefined;
  if (expanded.kind === "forced") return undefined;
  return deferred(
    `${attempt.router.name} router: failed to expand "${service.source}": ${expanded.text}`,
    errorNumbers.expansion,
  );
}

/** For what there is more to say about than that there are no hosts. */
function declined(
  { address }: Attempt,
  why: Extract<HostsAnswer, { kind: "none" }>["why"],
  name: string,
): DriverResult | undefined {
  const text = why === undefined ? undefined : TEXTS[why];
  if (text === undefined) return undefined;
  address.isTextForClient = why !== "bad name";
  if (why === "addresses as hosts") {
    address.replyText =
      `It appears that the DNS operator for ${address.domain}\n` +
      "has installed an invalid MX record with an IP address\ninstead of a domain name on the right hand side.";
  }
  return { kind: "declined", text: text.replace("NAME", name), why: text.replace("NAME", name) };
}

const TEXTS = {
  "no service": "an MX or SRV record indicated no SMTP service",
  "no such hosts": "all relevant MX records point to non-existent hosts",
  "addresses as hosts": "all relevant MX records point to non-existent hosts or (invalidly) to IP addresses",
  "bad name": 'mail domain "NAME" is syntactically invalid',
} as const;

async function route(attempt: Attempt, name: string, found: Found, compiled: Compiled): Promise<DriverResult> {
  const { address, router } = attempt;
  if (name !== address.domain) return { kind: "rerouted", child: underDomain(attempt, name) };
  const [first] = found.hosts;
  if (found.isLocal && first !== undefined) {
    const result = selfResult(attempt, first);
    if (result !== undefined) return result;
  } else if (compiled.mustBeSecondary && !found.hasLostLocal) {
    return { kind: "declined", why: "check_secondary_mx: this host is none of its MX hosts" };
  }
  const inherited = await inheritedFrom(attempt);
  if ("kind" in inherited) return inherited;
  address.inherited = inherited;
  if (router.transport === undefined) return accepted(attempt, undefined, found.hosts);
  const transport = await chosenTransport(attempt, router.transport);
  return transport.kind === "transport" ? accepted(attempt, transport, found.hosts) : transport;
}
