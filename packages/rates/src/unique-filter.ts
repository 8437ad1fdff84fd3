import { createHash } from "node:crypto";

/** As in Exim: so many bits for each event of the limit give about one error in a thousand. */
const BITS_PER_EVENT = 16;
const MIN_BITS = 128;
/** 8 KiB: what a counter may take in a store of small values. Above a limit of 4,096, errors become more likely. */
const MAX_BITS = 65_536;
const HASHES = 8;

/** Bits of the filter for a limit. */
export function filterBits(limit: number): number {
  return Math.min(Math.max(Math.ceil(limit) * BITS_PER_EVENT, MIN_BITS), MAX_BITS);
}

/** Which bits of a filter stand for a name. */
export function filterPositions(unique: string, bits: number): number[] {
  const digest = createHash("sha256").update(unique, "latin1").digest();
  return Array.from({ length: HASHES }, (_, i) => digest.readUInt32BE(i * 4) % bits);
}

/**
 * A Bloom filter (B. H. Bloom, 1970): it may take a name for known that is not, never the other way round, and does not
 * grow. As octets in base64, since it lies among JSON values.
 */
export class UniqueFilter {
  readonly #octets: Buffer;

  constructor(stored: string | undefined, bits: number) {
    const octets = Buffer.from(stored ?? "", "base64");
    const size = Math.ceil(bits / 8);
    this.#octets = octets.length === size ? octets : Buffer.alloc(size);
  }

  /** @returns whether the name is new. */
  add(positions: readonly number[]): boolean {
    let isNew = false;
    for (const position of positions) {
      const mask = 1 << (position & 7);
      const octet = this.#octets[position >>> 3] ?? 0;
      if ((octet & mask) === 0) isNew = true;
      this.#octets[position >>> 3] = octet | mask;
    }
    return isNew;
  }

  get text(): string {
    return this.#octets.toString("base64");
  }
}
