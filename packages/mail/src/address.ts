/** The part behind the last `@`, in lower case; empty for the null reverse-path and for addresses without a domain. */
export function domainOf(address: string): string {
  const at = address.lastIndexOf("@");
  return at < 0 ? "" : address.slice(at + 1).toLowerCase();
}

/** The part before the last `@`, as it was written (RFC 5321 §2.4: its case is the owner's business). */
export function localPartOf(address: string): string {
  const at = address.lastIndexOf("@");
  return at < 0 ? address : address.slice(0, at);
}
