import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { ConfigError } from "@postbus/mail";

/** A resolver (recursive name server) that we ask. */
export interface ServerAddress {
  /** IP address: a resolver that had to be resolved first could not be. */
  readonly address: string;
  readonly port: number;
  /**
   * Its AD bit is believed: it was named to us for that, or is on this host. Anybody on the way can set the bit
   * (RFC 4035 §4.9.3).
   */
  readonly isTrusted: boolean;
}

const DNS_PORT = 53;
/** resolv.conf(5): MAXNS. */
const MAX_SYSTEM_SERVERS = 3;
const isLoopback = (address: string): boolean => address === "::1" || /^127\.[0-9.]+$/.test(address);

/**
 * Resolvers named by the operator: `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:53`, comma-separated.
 *
 * @throws {ConfigError}
 */
export function parseServers(list: string): readonly ServerAddress[] {
  const servers = list
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "")
    .map((entry): ServerAddress => {
      const parts = isIP(entry) === 0 ? /^\[?([^\]]+?)\]?(?::([0-9]{1,5}))?$/.exec(entry) : [entry, entry];
      const address = parts?.[1] ?? "";
      const port = parts?.[2] === undefined ? DNS_PORT : Number(parts[2]);
      if (isIP(address) === 0 || port < 1 || port > 65_535) {
        throw new ConfigError(`POSTBUS_DNS_SERVERS: ${JSON.stringify(entry)} is not an IP address and port`);
      }
      return { address, port, isTrusted: true };
    });
  if (servers.length === 0) throw new ConfigError("POSTBUS_DNS_SERVERS: the list is empty");
  return servers;
}

/** The `nameserver` lines of a resolv.conf; without one, this host (resolv.conf(5)). */
export function parseResolvConf(text: string): readonly ServerAddress[] {
  const servers = [...text.matchAll(/^[ \t]*nameserver[ \t]+([^\s#;]+)/gm)]
    .map(([, address = ""]) => address)
    .filter((address) => isIP(address) !== 0)
    .slice(0, MAX_SYSTEM_SERVERS)
    .map((address) => ({ address, port: DNS_PORT, isTrusted: isLoopback(address) }));
  return servers.length > 0 ? servers : [{ address: "127.0.0.1", port: DNS_PORT, isTrusted: true }];
}

export async function systemServers(path = "/etc/resolv.conf"): Promise<readonly ServerAddress[]> {
  try {
    return parseResolvConf(await readFile(path, "latin1"));
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return parseResolvConf("");
    throw err;
  }
}
