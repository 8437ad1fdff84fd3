import { encodeWords } from "../expansion/rfc2047.ts";

/** Atoms, quoted strings and comments without others in them, with blanks between them (RFC 5322 §3.2). Each begins in its own way, so it is linear. */
const PHRASE = /^(?:[\w!#$%&'*+\-/=?^`{|}~ ]|"(?:[^"\\]|\\.)*"|\([^()\\]*\))*$/;

/**
 * A display name as it may stand before an address: as it is, if it is one already, else in quotes, or in encoded words where it
 * has octets that no quotes can hold.
 *
 * @param charset Of the octets above 127: `headers_charset`.
 */
export function phrase(text: string, charset: string): string {
  const name = text.replace(/^ +| +$/g, "");
  if (/[^ -~]/.test(name)) return encodeWords(name, charset);
  return PHRASE.test(name) ? name : `"${name.replace(/["\\]/g, "\\$&")}"`;
}
