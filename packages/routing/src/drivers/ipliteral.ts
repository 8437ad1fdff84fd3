import { accepted } from "../accepted.ts";
import { chosenTransport } from "../chosen-transport.ts";
import type { RunDriver } from "../compiled-router.ts";
import { addressIn, isIgnored } from "../hosts/address-records.ts";
import { hostQuery } from "../hosts/host-query.ts";
import { isLocalHost } from "../hosts/local-host.ts";
import type { RoutedHost } from "../hosts/routed-host.ts";
import { inheritedFrom } from "../inherited-from.ts";
import { selfResult } from "./self.ts";

/** Takes addresses whose domain is an address in brackets (Exim's manual, "The ipliteral router"). */
export function compileIpliteral(): RunDriver {
  return async (attempt) => {
    const { address, router, run } = attempt;
    const literal = address.domain.startsWith("[") ? addressIn(address.domain) : undefined;
    if (literal === undefined) return { kind: "declined", why: "the domain is no IP address" };
    const query = hostQuery(attempt);
    if (await isIgnored(literal, query)) {
      return { kind: "declined", text: "IP literal host explicitly ignored", why: "ignore_target_hosts" };
    }
    const host: RoutedHost = {
      name: address.domain,
      address: literal,
      mx: undefined,
      port: undefined,
      group: 0,
      isAuthenticated: false,
    };
    if (await isLocalHost(host, run.settings.dns, attempt.evaluation)) {
      const result = selfResult(attempt, host);
      if (result !== undefined) return result;
    }
    const inherited = await inheritedFrom(attempt);
    if ("kind" in inherited) return inherited;
    address.inherited = inherited;
    if (router.transport === undefined) return accepted(attempt, undefined, [host]);
    const transport = await chosenTransport(attempt, router.transport);
    return transport.kind === "transport" ? accepted(attempt, transport, [host]) : transport;
  };
}
