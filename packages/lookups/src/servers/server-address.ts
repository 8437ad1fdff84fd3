import { LookupDefer } from "../lookup-defer.ts";
import type { ServerKind } from "./choose-servers.ts";

/** One item of a server list, read. */
export interface ServerAddress {
  /** The item without its last field, the password: what is logged, and the key of its connections. */
  readonly label: string;
  readonly host: string;
  /** undefined: the usual one. */
  readonly port: number | undefined;
  /** Path of a Unix socket, in place of host and port. */
  readonly socket: string | undefined;
  /** What follows the host, by slashes: database, user, password; or database number, password. */
  readonly fields: readonly string[];
}

/**
 * Reads `host:port(socket)[group]/field/field`. The group (of a client library's file of options) has no meaning here.
 *
 * @param fieldCount Fields that must be there; a slash in the first of them (none is known in practice) is part of it.
 * @throws {LookupDefer} `incomplete ... server data`, without what is secret.
 */
export function serverAddress({ type }: ServerKind, item: string, fieldCount: number, title: string): ServerAddress {
  // A path in parentheses has slashes of its own.
  const [, place = "", rest = ""] = /^((?:[^/(]|\([^)]*\))*)(?:\/(.*))?$/s.exec(item) ?? [];
  const fields = rest === "" && !item.includes("/") ? [] : rest.split("/");
  if (fields.length < fieldCount) {
    const shown = [place, ...fields.slice(0, -1)].join("/");
    throw new LookupDefer(type, `incomplete ${title} server data: ${shown}`);
  }
  const [, host = "", port, socket] = /^(\[[^\]]*\]|[^:([]*)(?::([0-9]{1,5}))?(?:\(([^)]*)\))?(?:\[[^\]]*\])?$/.exec(
    place,
  ) ?? ["", place];
  return {
    label: [place, ...fields.slice(0, -1)].join("/"),
    host: host.replace(/^\[|\]$/g, ""),
    port: port === undefined ? undefined : Number(port),
    socket: socket === "" ? undefined : socket,
    fields,
  };
}
