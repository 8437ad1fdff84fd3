/**
 * The part behind the last `@`, ASCII letters in lower case; empty for the null reverse-path and for addresses without
 * a domain. Other letters stay: an SMTPUTF8 address is a latin1 string of UTF-8 octets here, which must not change.
 */
export function domainOf(address: string): string {
  const at = domainMark(address);
  if (at < 0) return "";
  const domain = address.slice(at + 1);
  return /[A-Z]/.test(domain) ? domain.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : domain;
}

/** The part before the last `@`, as it was written (RFC 5321 §2.4: its case is the owner's business). */
export function localPartOf(address: string): string {
  const at = domainMark(address);
  return at < 0 ? address : address.slice(0, at);
}

/** Whether it has one; `"a@b"`, all of it a quoted local part, has none. */
export const hasDomain = (address: string): boolean => domainMark(address) >= 0;

/** Where the `@` before the domain is; -1: there is none. */
const domainMark = (address: string): number => (address.endsWith('"') ? -1 : address.lastIndexOf("@"));
