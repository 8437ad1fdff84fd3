import { LookupDefer } from "../lookup-defer.ts";
import type { QueryLookupType } from "../lookup-type.ts";
import { quoteLdap, quoteLdapDn } from "../quote-ldap.ts";

/** The quoting of LDAP queries; the queries themselves are not available. */
const ldapType = (name: string): QueryLookupType => ({
  name,
  style: "query",
  quote(text, option) {
    if (option === undefined) return quoteLdap(text);
    return option === "dn" ? quoteLdapDn(text) : undefined;
  },
  start() {
    throw new LookupDefer(name, `${name} lookups are not available`);
  },
});

export const ldap = ldapType("ldap");
export const ldapdn = ldapType("ldapdn");
export const ldapm = ldapType("ldapm");
