import { isUtf8 } from "node:buffer";
import { isIPv4 } from "node:net";

/**
 * A domain in the form that the DNS knows: labels that are not ASCII become A-labels (RFC 5890 §2.3.2.1).
 *
 * @param domain A latin1 string of octets.
 * @returns undefined if the octets are no UTF-8, or no domain.
 */
export function asciiDomain(domain: string): string | undefined {
  if (!/[\x80-\xff]/.test(domain)) return domain;
  const octets = Buffer.from(domain, "latin1");
  // The host of a URL gets A-labels (UTS #46); with octets that have a meaning in a URL it would be another one.
  const isName = isUtf8(octets) && !/[^A-Za-z0-9._\x80-\xff-]/.test(domain);
  const ascii = isName ? (URL.parse(`http://${octets.toString("utf8")}/`)?.hostname ?? "") : "";
  // Digits of other scripts are numbers to a URL, and no name.
  return ascii === "" || isIPv4(ascii) ? undefined : ascii;
}
