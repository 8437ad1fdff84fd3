import { randomInt } from "node:crypto";
import { readKey } from "./line.ts";

const NONE = -1;
const SEGMENT_BITS = 16;
const SEGMENT = 2 ** SEGMENT_BITS;
const SEGMENT_MASK = SEGMENT - 1;
const MIN_BUCKETS = 256;
/** Lists of one million names are common, of more are not. */
const MAX_KEYS = 4_000_000;

const NEWLINE = 10;
const BLANK = 32;
const QUOTE = 0x22;
const HASH = 0x23;
const COLON = 0x3a;

/** Some of the lines; in pieces, so that growing copies nothing. */
interface Segment {
  readonly hashes: Uint32Array;
  readonly offsets: Float64Array;
  /** The next line of the same bucket, in the order of the file. */
  readonly next: Int32Array;
}

/**
 * Where the lines of a key are, without regard to case. Holds no keys, only their hashes (the file has the keys), so that
 * a million lines cost some 25 MB; whoever asks compares the key with what is at the offset.
 */
export class KeyIndex {
  /** Drawn anew for each: nobody can make a file of keys that all have one hash. */
  readonly #seed = randomInt(2 ** 32 - 1);
  readonly #segments: Segment[] = [];
  readonly #heads: Int32Array;
  readonly #tails: Int32Array;
  #size = 0;

  /** @param expectedKeys An estimate. */
  constructor(expectedKeys: number) {
    const buckets = 2 ** Math.ceil(Math.log2(Math.min(Math.max(expectedKeys, MIN_BUCKETS), MAX_KEYS)));
    this.#heads = new Int32Array(buckets).fill(NONE);
    this.#tails = new Int32Array(buckets).fill(NONE);
  }

  /**
   * Adds the keys of whole lines.
   *
   * @param octets Begins with a line. @param offset Where in the file that is.
   * @returns the offset of the first line that found no room; undefined: all did.
   */
  addLines(octets: Buffer, offset: number): number | undefined {
    for (let at = 0; at < octets.length; ) {
      const first = octets[at] ?? NEWLINE;
      if (first === NEWLINE) {
        at++;
        continue;
      }
      let next = at;
      if (first !== HASH && first !== BLANK && (first < 9 || first > 13)) {
        if (this.#size >= MAX_KEYS) return offset + at;
        if (first === QUOTE) this.#add(this.#hash(quotedKey(octets, at)), offset + at);
        else {
          let hash = this.#seed;
          for (let code = first; !endsKey(code); code = octets[++next] ?? NEWLINE) hash = step(hash, code);
          this.#add(finish(hash), offset + at);
        }
      }
      const newline = octets.indexOf(NEWLINE, next);
      at = newline === -1 ? octets.length : newline + 1;
    }
    return undefined;
  }

  /** Offsets of lines that may have this key, the first in the file first. */
  *offsetsOf(key: string): Generator<number> {
    const hash = this.#hash(key);
    for (let entry = this.#heads[hash % this.#heads.length] ?? NONE; entry !== NONE; ) {
      const segment = this.#segments[entry >> SEGMENT_BITS];
      const place = entry & SEGMENT_MASK;
      if (segment?.hashes[place] === hash) yield segment.offsets[place] ?? 0;
      entry = segment?.next[place] ?? NONE;
    }
  }

  #add(hash: number, offset: number): void {
    const entry = this.#size++;
    const place = entry & SEGMENT_MASK;
    if (place === 0) {
      this.#segments.push({
        hashes: new Uint32Array(SEGMENT),
        offsets: new Float64Array(SEGMENT),
        next: new Int32Array(SEGMENT).fill(NONE),
      });
    }
    const segment = this.#segments[entry >> SEGMENT_BITS];
    if (segment === undefined) return;
    segment.hashes[place] = hash;
    segment.offsets[place] = offset;
    const bucket = hash % this.#heads.length;
    const tail = this.#tails[bucket] ?? NONE;
    const last = this.#segments[tail >> SEGMENT_BITS];
    if (tail === NONE || last === undefined) this.#heads[bucket] = entry;
    else last.next[tail & SEGMENT_MASK] = entry;
    this.#tails[bucket] = entry;
  }

  #hash(key: string): number {
    let hash = this.#seed;
    for (let i = 0; i < key.length; i++) hash = step(hash, key.charCodeAt(i));
    return finish(hash);
  }
}

/** Where a key without quotes ends: colon or white space. */
const endsKey = (code: number): boolean => code === COLON || code === BLANK || (code >= 9 && code <= 13);

/** FNV-1a, a capital letter counting as its small one. */
const step = (hash: number, code: number): number =>
  Math.imul(hash ^ (code >= 65 && code <= 90 ? code | 0x20 : code), 0x01000193);

/** The last steps of MurmurHash3: the low bits depend on all octets. */
function finish(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function quotedKey(octets: Buffer, at: number): string {
  const newline = octets.indexOf(NEWLINE, at);
  const line = octets.toString("latin1", at, newline === -1 ? octets.length : newline);
  return readKey(line, 0, line.length).key;
}
