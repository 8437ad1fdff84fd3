import { isIPv4, isIPv6 } from "node:net";
import { type AddressBits, addressBits, maskedBits, unmapped } from "../linear/address-bits.ts";
import { keyBatches, type LineSearch, linearType } from "../linear/linear-type.ts";
import { LookupDefer } from "../lookup-defer.ts";

/** Some 100 octets each. */
const MAX_NETS = 1_000_000;

/** Keys that are addresses or networks; the first line that has the address wins. `*` is found by the key `*` only. */
export const iplsearch = linearType("iplsearch", async (file) => {
  const nets = new Nets();
  let star: number | undefined;
  for await (const keys of keyBatches(file)) {
    for (const { key, at } of keys) {
      if (key === "*") star ??= at;
      else nets.add(key, at);
    }
    if (nets.size > MAX_NETS) throw new LookupDefer("iplsearch", `more than ${MAX_NETS} networks in one file`);
  }
  return {
    find(key) {
      if (key === "*") return star;
      if (!isIPv4(key) && !isIPv6(key)) throw new LookupDefer("iplsearch", invalidKey(key));
      return nets.first(key);
    },
  } satisfies LineSearch;
});

const invalidKey = (key: string): string =>
  `"${key}" is not a valid iplsearch key (an IP address, with optional CIDR mask, is wanted): in a host list, use net-iplsearch as the search type`;

/** For each length of prefix a table of the networks. */
class Nets {
  /** By family and length: network → offset of the first line that has it. */
  readonly #byLength = new Map<AddressBits["family"], Map<number, Map<string, number>>>([
    [4, new Map()],
    [6, new Map()],
  ]);
  size = 0;

  /** What is no network is left out. */
  add(text: string, at: number): void {
    const [, address = "", length] = /^([^/]*)(?:\/([0-9]{1,3}))?$/.exec(text) ?? [];
    const bits = addressBits(address);
    if (bits === undefined) return;
    const maximum = bits.octets.length * 8;
    const prefix = length === undefined ? maximum : Number(length);
    const lengths = this.#byLength.get(bits.family);
    if (prefix > maximum || lengths === undefined) return;
    const nets = lengths.get(prefix) ?? new Map<string, number>();
    lengths.set(prefix, nets);
    const net = maskedBits(bits, prefix);
    if (nets.has(net)) return;
    nets.set(net, at);
    this.size++;
  }

  /** An IPv4-mapped address is one of IPv4; a mapped network has none of those. */
  first(address: string): number | undefined {
    const bits = unmapped(addressBits(address));
    if (bits === undefined) return undefined;
    let first: number | undefined;
    for (const [prefix, nets] of this.#byLength.get(bits.family) ?? []) {
      const at = nets.get(maskedBits(bits, prefix));
      if (at !== undefined && (first === undefined || at < first)) first = at;
    }
    return first;
  }
}
