const percent = (text: string): string =>
  [...text].map((octet) => `%${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`).join("");

/** `${quote_ldap:...}`: for a value in the filter of an LDAP URL (RFC 4515 §3 within RFC 4516 §2.1). */
export const quoteLdap = (text: string): string =>
  text.replace(/[^A-Za-z0-9!$'\-._+]/g, (octet) =>
    /[*()\\]/.test(octet) ? `%5C${octet.charCodeAt(0).toString(16).toUpperCase()}` : percent(octet),
  );

/** `${quote_ldap_dn:...}`: for a value in the distinguished name of an LDAP URL (RFC 4514 §2.4 within RFC 4516 §2.1). */
export function quoteLdapDn(text: string): string {
  const [leading = ""] = /^[ #]*/.exec(text) ?? [];
  const [trailing = ""] = /^ */.exec([...text.slice(leading.length)].toReversed().join("")) ?? [];
  const middle = text.slice(leading.length, text.length - trailing.length);
  const escaped = (ends: string): string => ends.replace(/[ #]/g, (octet) => `%5C${percent(octet)}`);
  const inner = middle.replace(/[^A-Za-z0-9!$'\-._()*+]|\+/g, (octet) =>
    octet === "+" ? "%5C+" : /[,"\\<>;]/.test(octet) ? `%5C${percent(octet)}` : percent(octet),
  );
  return escaped(leading) + inner + escaped(trailing);
}
