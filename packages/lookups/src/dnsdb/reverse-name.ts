import { addressBits } from "../linear/address-bits.ts";

/** The name under which the DNS has an address (RFC 1035 §3.5, RFC 3596 §2.5); undefined: it is no address. */
export function reverseName(address: string): string | undefined {
  const bits = addressBits(address);
  if (bits === undefined) return undefined;
  const reversed = bits.octets.toReversed();
  if (bits.family === 4) return `${reversed.join(".")}.in-addr.arpa`;
  const nibbles = reversed.flatMap((octet) => [octet & 0xf, octet >> 4]);
  return `${nibbles.map((nibble) => nibble.toString(16)).join(".")}.ip6.arpa`;
}
