import { isIPv6 } from "node:net";
import { groupsOf } from "../expansion/ip-address.ts";

/** An address as a number of 32 or 128 bits: `bits` has those of IPv4 only. */
type Address = { readonly width: 32; readonly bits: number } | { readonly width: 128; readonly bits: bigint };

function parseAddress(text: string): Address | undefined {
  const bits = parseIpv4(text);
  if (bits !== undefined) return { bits, width: 32 };
  if (!isIPv6(text)) return undefined;
  return { bits: groupsOf(text).reduce((all, group) => (all << 16n) | BigInt(group), 0n), width: 128 };
}

const DOT = 46;
const ZERO = 48;

/** Four numbers without leading zeros. By hand, since it is asked for every client and every item of a list. */
function parseIpv4(text: string): number | undefined {
  if (text.length > 15) return undefined;
  let bits = 0;
  let dots = 0;
  /** -1: no digit yet. */
  let part = -1;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (part === -1 || ++dots > 3) return undefined;
      bits = bits * 256 + part;
      part = -1;
      continue;
    }
    const digit = code - ZERO;
    if (digit < 0 || digit > 9 || part === 0) return undefined;
    part = part === -1 ? digit : part * 10 + digit;
    if (part > 255) return undefined;
  }
  return dots === 3 && part !== -1 ? bits * 256 + part : undefined;
}

const MAPPED = 0xffffn;

/** The address of a client; `::ffff:192.0.2.1` is an IPv4 client on an IPv6 socket, and is tested as such. */
export function clientAddress(text: string): Address | undefined {
  const address = parseAddress(text);
  if (address === undefined || address.width === 32 || address.bits >> 32n !== MAPPED) return address;
  return { bits: Number(address.bits & 0xffff_ffffn), width: 32 };
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
  const host = network.width - Math.min(network.width, length === undefined ? network.width : Number(length));
  if (network.width === 32) {
    const size = 2 ** host;
    const prefix = Math.floor(network.bits / size);
    return (address) => address.width === 32 && Math.floor(address.bits / size) === prefix;
  }
  const shift = BigInt(host);
  const prefix = network.bits >> shift;
  return (address) => address.width === 128 && address.bits >> shift === prefix;
}
