import { createHash, type Hash } from "node:crypto";
import type { Canonicalization } from "./canonicalization.ts";
import { RelaxedBody } from "./relaxed-body.ts";
import { SimpleBody } from "./simple-body.ts";

/** A body on its way to what is hashed of it: takes pieces, gives pieces. */
export interface BodyFilter {
  /** @param piece Done with when this returns. */
  update(piece: Buffer, emit: (octets: Buffer) => void): void;
  end(emit: (octets: Buffer) => void): void;
}

export type BodyHashAlgorithm = "sha256" | "sha512";

/** The hash of a body (RFC 6376 §3.7), as it comes in; of what was given, nothing is kept. */
export class BodyHash {
  readonly #filter: BodyFilter;
  readonly #hash: Hash;
  readonly #limit: number;
  #octets = 0;

  /** @param limit `l=`: octets of the canonical body that count. */
  constructor(how: Canonicalization, algorithm: BodyHashAlgorithm, limit = Number.POSITIVE_INFINITY) {
    this.#filter = how === "simple" ? new SimpleBody() : new RelaxedBody();
    this.#hash = createHash(algorithm);
    this.#limit = limit;
  }

  update(piece: Buffer): void {
    this.#filter.update(piece, this.#take);
  }

  /** Base64, as `bh=` has it. To be called once. */
  digest(): string {
    this.#filter.end(this.#take);
    return this.#hash.digest("base64");
  }

  /** Octets of the canonical body, those beyond the limit included. */
  get octets(): number {
    return this.#octets;
  }

  readonly #take = (octets: Buffer): void => {
    const left = this.#limit - this.#octets;
    this.#octets += octets.length;
    if (left <= 0) return;
    this.#hash.update(octets.length > left ? octets.subarray(0, left) : octets);
  };
}
