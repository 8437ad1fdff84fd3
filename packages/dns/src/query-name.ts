import { asciiDomain } from "@postbus/mail";

/** RFC 1035 §2.3.4: 63 octets in a label, 255 in a name with its length octets; as text that is 253. */
const NAME = /^(?=.{1,253}$)[\x21-\x2d\x2f-\x7e]{1,63}(?:\.[\x21-\x2d\x2f-\x7e]{1,63})*$/;

/**
 * The form in which a name is asked for and cached: lower case, no final dot, A-labels.
 *
 * @returns undefined for what cannot be a name in the DNS (empty labels, too long, blanks, no UTF-8): names come from
 * peers, and an impossible one has no records; it is no reason to fail.
 */
export function queryName(name: string): string | undefined {
  const plain = name.endsWith(".") ? name.slice(0, -1) : name;
  const ascii = asciiDomain(plain) ?? "";
  return NAME.test(ascii) ? ascii.toLowerCase() : undefined;
}
