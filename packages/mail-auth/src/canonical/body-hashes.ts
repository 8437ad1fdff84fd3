import { BodyHash } from "./body-hash.ts";
import type { Canonicalization } from "./canonicalization.ts";

/** Each is a pass over the body: ten signatures may all want their own, and what comes beyond that is of no honest mail. */
const MAX_HASHES = 16;

/** What a body comes to. */
export interface BodyDigest {
  /** Base64. */
  readonly hash: string;
  /** Octets of the canonical body, those beyond the limit included. */
  readonly octets: number;
}

/** The hashes that the signatures of a message want of its body, each made once; SHA-256. */
export class BodyHashes {
  readonly #hashes = new Map<string, BodyHash>();
  readonly #digests = new Map<string, BodyDigest>();

  /** Before the body comes. @param limit `l=` @returns false: there are too many already. */
  want(how: Canonicalization, limit: number | undefined): boolean {
    const key = keyOf(how, limit);
    if (this.#hashes.has(key)) return true;
    if (this.#hashes.size >= MAX_HASHES) return false;
    this.#hashes.set(key, new BodyHash(how, "sha256", limit));
    return true;
  }

  /** Whether the body is needed. */
  get areWanted(): boolean {
    return this.#hashes.size > 0;
  }

  /** Takes a piece of the body; done with it when this returns. */
  update(piece: Buffer): void {
    for (const hash of this.#hashes.values()) hash.update(piece);
  }

  /** Behind the last piece. Undefined: it was not wanted. */
  digest(how: Canonicalization, limit: number | undefined): BodyDigest | undefined {
    const key = keyOf(how, limit);
    const known = this.#digests.get(key);
    if (known !== undefined) return known;
    const hash = this.#hashes.get(key);
    if (hash === undefined) return undefined;
    const digest = { hash: hash.digest(), octets: hash.octets };
    this.#digests.set(key, digest);
    return digest;
  }
}

const keyOf = (how: Canonicalization, limit: number | undefined): string => `${how} ${limit ?? ""}`;
