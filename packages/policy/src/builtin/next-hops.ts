import { isIPv6 } from "node:net";
import { ValueError } from "../config/problems.ts";
import { splitList } from "../config/split-list.ts";
import { plain } from "../config/values.ts";

/**
 * A list of hosts as in Exim's `hosts` option, written back so that each stands for itself: `host`, `host::port`,
 * `[address]::port`, or an IPv6 address alone.
 */
export function nextHops(text: string): string[] {
  return splitList(plain(text)).map((item) => {
    if (isIPv6(item)) return item;
    const [, bracketed, name, port] = /^(?:\[([^\]]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?$/.exec(item) ?? [];
    const host = bracketed === undefined ? name : isIPv6(bracketed) ? `[${bracketed}]` : bracketed;
    if (host === undefined || host.startsWith(".") || (port !== undefined && !isPort(Number(port)))) {
      throw new ValueError(`a host or host::port is expected, not "${item}"`);
    }
    return port === undefined ? (bracketed ?? host) : `${host}::${Number(port)}`;
  });
}

const isPort = (port: number): boolean => port >= 1 && port <= 65_535;
