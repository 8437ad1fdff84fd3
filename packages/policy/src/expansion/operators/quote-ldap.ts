/** A character in the hexadecimal form of a URL (RFC 4516 §2.1). */
const inUrl = (c: string): string => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;

/** For a value in a filter (RFC 4515 §3), which stands in a URL. */
function quoteLdapValue(text: string): string {
  return text
    .replace(/[*()\\]/g, (c) => `\\${c.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/[^A-Za-z0-9!$'\-._+]/g, inUrl);
}

/** For a value in a distinguished name (RFC 4514 §2.4), which stands in a URL. */
function quoteLdapName(text: string): string {
  return text.replace(/[,+"\\<>;]|^[ #]| $/g, "\\$&").replace(/[^A-Za-z0-9!$'\-._()*+]/g, inUrl);
}

/** `${quote_ldap:…}` and `${quote_ldap_dn:…}`, by what stands behind `quote_`. There are no LDAP lookups to go with them. */
export const ldapQuoters: ReadonlyMap<string, (text: string) => string> = new Map([
  ["ldap", quoteLdapValue],
  ["ldap_dn", quoteLdapName],
]);
