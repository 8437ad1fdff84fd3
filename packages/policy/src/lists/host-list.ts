import { BlockList, isIP, isIPv6 } from "node:net";
import { ValueError } from "../config/problems.ts";
import { splitList } from "../config/split-list.ts";
import { plain } from "../config/values.ts";
import { type ListItem, matchList, negation, remembered } from "./match-list.ts";

type Test = (address: string) => boolean;

/** `::ffff:192.0.2.1` is an IPv4 client on an IPv6 socket, and is tested as such. */
const MAPPED = /^::ffff:([0-9]+\.[0-9]+\.[0-9]+\.[0-9]+)$/i;

/**
 * A host list: IP addresses, networks with a prefix length, `*`, `+named`, `!` in front of any.
 *
 * @returns A test of IP addresses without brackets; it remembers, since each client is asked about many times.
 * @throws {ValueError} an item of a kind that the built-in policy does not have (host names need the DNS).
 */
export function compileHostList(text: string, named: (name: string) => Test): Test {
  const items = splitList(plain(text)).map((item): ListItem<string> => {
    const { isNegated, rest } = negation(item);
    return { isNegated, matches: compileItem(rest, named) };
  });
  const test = matchList(items);
  return remembered((address) => test(MAPPED.exec(address)?.[1] ?? address));
}

function compileItem(item: string, named: (name: string) => Test): Test {
  if (item === "*") return () => true;
  // The empty item stands for a message that came from no host; those that come by SMTP all have one.
  if (item === "") return () => false;
  if (item.startsWith("+") && !/^\+(include|ignore)_/.test(item)) return named(item.slice(1));
  const [, bracketed, plainAddress = "", length] = /^(?:\[([^\]]*)\]|([^/]*))(?:\/([0-9]{1,3}))?$/.exec(item) ?? [];
  const address = bracketed ?? plainAddress;
  const version = isIP(address);
  if (version === 0) {
    throw new ValueError(
      `item "${item}": only IP addresses, networks, * and +named are supported by the built-in policy yet`,
    );
  }
  const bits = version === 4 ? 32 : 128;
  if (length !== undefined && Number(length) > bits) throw new ValueError(`item "${item}": at most /${bits}`);
  const family = version === 4 ? "ipv4" : "ipv6";
  const network = new BlockList();
  network.addSubnet(address, length === undefined ? bits : Number(length), family);
  return (subject) => isIP(subject) === version && network.check(subject, isIPv6(subject) ? "ipv6" : "ipv4");
}
