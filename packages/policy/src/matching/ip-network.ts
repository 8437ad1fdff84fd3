import { isIP, isIPv4 } from "node:net";
import { groupsOf } from "../expansion/ip-address.ts";

/** An address as a number of 32 or 128 bits. */
interface Address {
  readonly bits: bigint;
  readonly width: 32 | 128;
}

function parseAddress(text: string): Address | undefined {
  if (isIP(text) === 0) return undefined;
  if (isIPv4(text)) return { bits: text.split(".").reduce((bits, part) => (bits << 8n) | BigInt(part), 0n), width: 32 };
  return { bits: groupsOf(text).reduce((bits, group) => (bits << 16n) | BigInt(group), 0n), width: 128 };
}

const MAPPED = 0xffffn;

/** The address of a client; `::ffff:192.0.2.1` is an IPv4 client on an IPv6 socket, and is tested as such. */
export function clientAddress(text: string): Address | undefined {
  const address = parseAddress(text);
  if (address === undefined || address.width === 32 || address.bits >> 32n !== MAPPED) return address;
  return { bits: address.bits & 0xffff_ffffn, width: 32 };
}

export function sameAddress(a: string, b: string): boolean {
  const [x, y] = [clientAddress(a), clientAddress(b)];
  return x !== undefined && y !== undefined && x.width === y.width && x.bits === y.bits;
}

/** A test of addresses for a pattern like `192.0.2.0/24`; undefined if that is none. A mask that is too long is the longest. */
export function networkTest(pattern: string): ((address: Address) => boolean) | undefined {
  const [, text = "", length] = /^([^/]*)(?:\/([0-9]{1,3}))?$/.exec(pattern) ?? [];
  const network = parseAddress(text);
  if (network === undefined) return undefined;
  const { width } = network;
  const shift = BigInt(width - Math.min(width, length === undefined ? width : Number(length)));
  const prefix = network.bits >> shift;
  return (address) => address.width === width && address.bits >> shift === prefix;
}
