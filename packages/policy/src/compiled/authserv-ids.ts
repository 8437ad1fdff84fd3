import type { Configuration } from "../reader/configuration.ts";

/** `${authresults{id}}`, as far as its id is the same always. */
const USE = /\$\{authresults\s*\{\s*([^\s${}\\]+)/g;

/**
 * The names under which this policy says what it has found out about messages: that of the host, and those that its ACLs name.
 * Who reads such a field trusts it, so none may come from outside (RFC 8601 §5).
 */
export function authservIds({ acls }: Pick<Configuration, "acls">, primaryHostname: string): readonly string[] {
  const ids = new Set([primaryHostname.toLowerCase()]);
  for (const { statements } of acls.values()) {
    for (const { value } of statements.flatMap(({ items }) => items)) {
      for (const [, id = ""] of value.matchAll(USE)) ids.add(id.toLowerCase());
    }
  }
  return [...ids];
}
