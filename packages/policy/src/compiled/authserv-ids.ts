import type { Configuration } from "../reader/configuration.ts";

/** `${authresults{id}}`, as far as its id is the same always. */
const USE = /\$\{authresults\s*\{\s*([^\s${}\\]+)/g;

/** The identity of `arc_sign`, as far as it is the same always: what is said under that name is sealed. */
const IDENTITY = /^(?:<\S)?\s*([^\s${}\\:;]+)\s*[:;]/;

/**
 * The names under which this policy says what it has found out about messages: that of the host, those that its ACLs name, and
 * those that it seals with.
 * Who reads such a field trusts it, so none may come from outside (RFC 8601 §5).
 */
export function authservIds(
  { acls, transports }: Pick<Configuration, "acls" | "transports">,
  primaryHostname: string,
): readonly string[] {
  const ids = new Set([primaryHostname.toLowerCase()]);
  for (const { statements } of acls.values()) {
    for (const { value } of statements.flatMap(({ items }) => items)) {
      for (const [, id = ""] of value.matchAll(USE)) ids.add(id.toLowerCase());
    }
  }
  for (const transport of transports.values()) {
    if (transport.kind !== "smtp") continue;
    const identity = IDENTITY.exec(transport.options.get("arc_sign") ?? "")?.[1];
    if (identity !== undefined) ids.add(identity.toLowerCase());
  }
  return [...ids];
}
