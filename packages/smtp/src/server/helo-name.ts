import { isAddressLiteral } from "@postbus/mail";

/** RFC 5321 §4.5.3.1.2. */
const MAX_NAME_OCTETS = 255;

/**
 * Whether EHLO's or HELO's argument may stand as a client's name: an address literal, or letters, digits, dots and
 * hyphens. Looser than a domain (single labels, odd hyphens: real clients use them), as in Exim; strict enough to be
 * put into a header field or a log line.
 *
 * @param others What may be in a name besides these.
 */
export function isHeloName(text: string, others = ""): boolean {
  if (text.length > MAX_NAME_OCTETS) return false;
  if (others !== "" && text !== "" && [...text].every((octet) => isUsual(octet) || others.includes(octet))) return true;
  // Exim, too, takes an IPv6 address without its tag (RFC 5321 §4.1.3 wants it), and a tag `IPv4:` that is none: there are
  // clients that write them so.
  if (isUsual(text) || isAddressLiteral(text)) return true;
  return isAddressLiteral(text.replace("[", "[IPv6:")) || isAddressLiteral(text.replace(/^\[IPv4:/i, "["));
}

const isUsual = (text: string): boolean => /^[A-Za-z0-9.-]+$/.test(text);
