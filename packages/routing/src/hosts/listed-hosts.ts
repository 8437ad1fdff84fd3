import { DeferError } from "@postbus/mail";
import type { RoutingContext } from "../routing-context.ts";
import { addressIn, type HostQuery, isIgnored } from "./address-records.ts";
import { findHosts, type HostsAnswer } from "./find-hosts.ts";
import type { ListedHost } from "./host-list-text.ts";
import { isLocalHost } from "./local-host.ts";
import type { RoutedHost } from "./routed-host.ts";

/** How the names of a list become addresses: by the DNS and then the system, or by one of them. */
export type LookupWay = "default" | "byname" | "bydns";

/** The addresses of one host of a list. */
export async function listedHost(
  host: ListedHost,
  way: LookupWay,
  query: HostQuery,
  { systemAddresses }: Pick<RoutingContext, "systemAddresses">,
): Promise<HostsAnswer> {
  if (host.isMx) return placed(await findHosts(host.name, { ...query, sources: { mx: true, addresses: false } }), host);
  const address = addressIn(host.name);
  if (address !== undefined) return checked(host, [address], query);
  if (way !== "byname") {
    const answer = await findHosts(host.name, { ...query, sources: { mx: false, addresses: true } });
    if (answer.kind !== "none" || way === "bydns") return placed(answer, host);
    // A name that is none to the DNS may be one to the system.
    if (systemAddresses === undefined) return { kind: "none" };
  } else if (systemAddresses === undefined) {
    return placed(await findHosts(host.name, { ...query, sources: { mx: false, addresses: true } }), host);
  }
  try {
    return await checked(host, await systemAddresses(host.name), query);
  } catch (error) {
    if (error instanceof DeferError) return { kind: "again" };
    throw error;
  }
}

async function checked(host: ListedHost, addresses: readonly string[], query: HostQuery): Promise<HostsAnswer> {
  const hosts: RoutedHost[] = [];
  let isLocal = false;
  for (const address of addresses) {
    if (await isIgnored(address, query)) continue;
    const one: RoutedHost = { ...host, address, mx: undefined, isAuthenticated: false };
    isLocal ||= await isLocalHost(one, query.settings, query.evaluation);
    hosts.push(plain(one));
  }
  if (hosts.length > 0) return { kind: "found", hosts, isLocal, hasLostLocal: false };
  return { kind: addresses.length > 0 ? "ignored" : "none" };
}

/** With the port and the group that the list gives. */
function placed(answer: HostsAnswer, { port, group }: ListedHost): HostsAnswer {
  if (answer.kind !== "found") return answer;
  return { ...answer, hosts: answer.hosts.map((host) => ({ ...host, port: port ?? host.port, group })) };
}

const plain = ({ name, address, mx, port, group, isAuthenticated }: RoutedHost): RoutedHost => ({
  name,
  address,
  mx,
  port,
  group,
  isAuthenticated,
});
