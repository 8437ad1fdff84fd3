import { isIPv4, isIPv6 } from "node:net";

/** An IP address as octets: 4 or 16. */
export interface AddressBits {
  readonly family: 4 | 6;
  readonly octets: readonly number[];
}

/** @param address Any textual form; a zone (`%eth0`) counts for nothing. @returns undefined: it is none. */
export function addressBits(address: string): AddressBits | undefined {
  if (isIPv4(address)) return { family: 4, octets: address.split(".").map(Number) };
  if (!isIPv6(address)) return undefined;
  const [plain = ""] = address.split("%");
  const [before = "", after] = plain.split("::");
  const head = groupOctets(before);
  const tail = groupOctets(after ?? "");
  return { family: 6, octets: [...head, ...new Array<number>(16 - head.length - tail.length).fill(0), ...tail] };
}

/** `2001:db8` or `ffff:192.0.2.1` → octets. */
function groupOctets(text: string): number[] {
  return text
    .split(":")
    .filter((group) => group !== "")
    .flatMap((group) => {
      if (group.includes(".")) return group.split(".").map(Number);
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 0xff];
    });
}

/** The IPv4 address within an IPv4-mapped one (`::ffff:192.0.2.1`); any other as it is. */
export function unmapped(bits: AddressBits | undefined): AddressBits | undefined {
  if (bits?.family !== 6) return bits;
  const isMapped = bits.octets.slice(0, 12).every((octet, i) => octet === (i < 10 ? 0 : 0xff));
  return isMapped ? { family: 4, octets: bits.octets.slice(12) } : bits;
}

/** The network of that length in which the address is, as a key: one character an octet. */
export function maskedBits({ octets }: AddressBits, prefix: number): string {
  let masked = "";
  octets.forEach((octet, i) => {
    const bits = Math.min(Math.max(prefix - i * 8, 0), 8);
    masked += String.fromCharCode(octet & (0xff00 >> bits));
  });
  return masked;
}
