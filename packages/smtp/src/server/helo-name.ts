import { isAddressLiteral } from "@postbus/mail";

/** RFC 5321 §4.5.3.1.2. */
const MAX_NAME_OCTETS = 255;

/**
 * Whether EHLO's or HELO's argument may stand as a client's name: an address literal, or letters, digits, dots and
 * hyphens. Looser than a domain (single labels, odd hyphens: real clients use them), as in Exim; strict enough to be
 * put into a header field or a log line.
 */
export function isHeloName(text: string): boolean {
  if (text.length > MAX_NAME_OCTETS) return false;
  // Exim, too, takes an IPv6 address without its tag (RFC 5321 §4.1.3 wants it), and a tag `IPv4:` that is none: there are
  // clients that write them so.
  if (/^[A-Za-z0-9.-]+$/.test(text) || isAddressLiteral(text)) return true;
  return isAddressLiteral(text.replace("[", "[IPv6:")) || isAddressLiteral(text.replace(/^\[IPv4:/i, "["));
}
