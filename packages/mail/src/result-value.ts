/** A value that stands without quotes (RFC 8601 §2.2): a token (RFC 2045 §5.1), or an address. */
const TOKEN = /^[A-Za-z0-9!#$%&'*+\-.^_`{|}~]+$/;
const ADDRESS = /^[A-Za-z0-9!#$%&'*+\-./^_`{|}~]*@[A-Za-z0-9\-._]+$/;
/** Octets of a value of a peer, so that a line stays below 998 (RFC 5322 §2.1.1). */
const MAX_OCTETS = 320;

/** A value in Authentication-Results: quoted where it is no plain word, so that nothing in it reads as another result. */
export function resultValue(text: string): string {
  const cut = text.slice(0, MAX_OCTETS);
  if (TOKEN.test(cut) || ADDRESS.test(cut)) return cut;
  return `"${cut.replace(/[^ -~]/g, "?").replace(/["\\]/g, "\\$&")}"`;
}
