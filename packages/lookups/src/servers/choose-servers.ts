import { colonItems } from "../colon-list.ts";
import { LookupDefer } from "../lookup-defer.ts";
import type { QueryRequest } from "../lookup-type.ts";

/** A type of server, as Exim's messages name it. */
export interface ServerKind {
  /** `pgsql`. */
  readonly type: string;
  /** `PostgreSQL`. */
  readonly title: string;
}

/**
 * Which servers a query goes to, and the query itself: all of the option, or those chosen by `servers=` (after a comma
 * behind the type, or in the old form at the start of the query, with a semicolon behind it).
 *
 * @param all The option's list: `pgsql_servers`.
 * @throws {LookupDefer} with Exim's text.
 */
export function chooseServers(
  { type, title }: ServerKind,
  all: string,
  query: string,
  { options, isTainted }: QueryRequest,
): { readonly servers: readonly string[]; readonly query: string } {
  const known = colonItems(all);
  if (options.servers !== undefined) return { servers: chosen(options.servers), query };
  if (!query.startsWith("servers")) {
    if (known.length === 0) throw new LookupDefer(type, `no ${title} servers defined (${type}_servers option)`);
    return { servers: known, query };
  }
  if (!/^servers[ \t-\r]*=/.test(query)) {
    throw new LookupDefer(type, `missing = after "servers" in ${title} lookup`);
  }
  const [, list, rest = ""] = /^servers[ \t-\r]*=[ \t-\r]*([^;]*);[ \t-\r]*(.*)$/s.exec(query) ?? [];
  if (list === undefined) throw new LookupDefer(type, `missing ; after "servers=" in ${title} lookup`);
  // Whoever wrote the data could send the query, and with it what we know, to a machine of his own.
  if (isTainted) throw new LookupDefer(type, `${title} servers chosen by a tainted query`);
  return { servers: chosen(list), query: rest };

  function chosen(list: string): readonly string[] {
    return colonItems(list).map((item) => {
      if (item.includes("/")) return item;
      const full = known.find((server) => server.startsWith(`${item}/`));
      if (full === undefined) throw new LookupDefer(type, `${title} server "${item}" not found in ${type}_servers`);
      return full;
    });
  }
}
