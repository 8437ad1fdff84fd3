/**
 * The part behind the last `@`, ASCII letters in lower case; empty for the null reverse-path and for addresses without
 * a domain. Other letters stay: an SMTPUTF8 address is a latin1 string of UTF-8 octets here, which must not change.
 */
export function domainOf(address: string): string {
  const at = address.lastIndexOf("@");
  if (at < 0) return "";
  const domain = address.slice(at + 1);
  return /[A-Z]/.test(domain) ? domain.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : domain;
}

/** The part before the last `@`, as it was written (RFC 5321 §2.4: its case is the owner's business). */
export function localPartOf(address: string): string {
  const at = address.lastIndexOf("@");
  return at < 0 ? address : address.slice(0, at);
}
