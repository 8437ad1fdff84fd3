import type { DeliveryItem } from "@postbus/contracts";
import { type SmtpTransport, splitList } from "@postbus/policy";
import { hostSpec, type NextHop } from "./next-hop.ts";

/** Hosts in the order in which they are tried. */
export interface HostList {
  /** `host`, `host::port`. */
  readonly hosts: readonly string[];
  /** The address of each, as routing has found it; empty: it is looked for. */
  readonly addresses?: readonly string[] | undefined;
  /** Of each, that it is the right one; absent: they all are, since they are configured. */
  readonly known?: readonly boolean[] | undefined;
}

/** Those that a message is offered to first: the router's, or the transport's own. */
export function firstHosts(item: DeliveryItem, transport: SmtpTransport): HostList {
  const { hosts, hostAddresses, knownHosts } = item;
  if (hosts === undefined) return { hosts: ungrouped(transport.hosts, transport.randomizesHosts) };
  return { hosts, addresses: hostAddresses, known: knownHosts };
}

/** Those for when all others have deferred: the router's, or else the transport's. */
export function fallbackHosts({ fallbackHosts: ofRouter }: DeliveryItem, transport: SmtpTransport): HostList {
  const hosts = ofRouter === undefined ? transport.fallbackHosts : [...splitList(ofRouter).items];
  return { hosts: ungrouped(hosts, transport.randomizesHosts) };
}

/** Those whose addresses routing has found. */
export function routedHops({ hosts, addresses = [] }: HostList, { port }: Pick<SmtpTransport, "port">): NextHop[] {
  return hosts.flatMap((text, i) => {
    const { [i]: address = "" } = addresses;
    return address === "" ? [] : [{ ...hostSpec(text, port), address }];
  });
}

/** `+` stands between groups: hosts change places only within theirs. */
function ungrouped(items: readonly string[], isRandom: boolean): readonly string[] {
  if (!isRandom) return items.includes("+") ? items.filter((item) => item !== "+") : items;
  const groups: string[][] = [[]];
  for (const item of items) {
    if (item === "+") groups.push([]);
    else groups.at(-1)?.push(item);
  }
  return groups.flatMap(shuffled);
}

function shuffled(items: readonly string[]): readonly string[] {
  return items
    .map((item) => ({ item, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
