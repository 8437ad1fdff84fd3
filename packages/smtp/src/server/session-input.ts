const EMPTY = Buffer.alloc(0);
const LF = 0x0a;
const CR = 0x0d;

/** A line without its end; or that it has not come whole; or that it is longer than it may be. */
export type InputLine = { readonly text: string; readonly hasCr: boolean } | "incomplete" | "too long";

/** Octets that a client has sent, as far as nobody has looked at them. Nothing is copied that is read in the order it came. */
export class SessionInput {
  #octets: Buffer = EMPTY;
  #at = 0;
  /** Up to here there is known to be no LF. */
  #searched = 0;

  /** Octets held. */
  get length(): number {
    return this.#octets.length - this.#at;
  }

  /** What `at` is an index of. */
  get octets(): Buffer {
    return this.#octets;
  }

  /** Where the first octet is that was not read. */
  get at(): number {
    return this.#at;
  }

  add(octets: Buffer): void {
    if (this.#at === this.#octets.length) {
      this.#octets = octets;
      this.#searched = 0;
    } else {
      this.#searched = Math.max(this.#searched - this.#at, 0);
      this.#octets = Buffer.concat([this.#octets.subarray(this.#at), octets]);
    }
    this.#at = 0;
  }

  /** All before this index has been read by somebody else. */
  moveTo(at: number): void {
    this.#at = at;
    this.#searched = 0;
  }

  /** @param maxOctets Of a line, its end included. */
  line(maxOctets: number): InputLine {
    const end = this.#octets.indexOf(LF, Math.max(this.#at, this.#searched));
    if (end < 0) {
      this.#searched = this.#octets.length;
      return this.length < maxOctets ? "incomplete" : "too long";
    }
    const length = end + 1 - this.#at;
    if (length > maxOctets) return "too long";
    const hasCr = length > 1 && this.#octets[end - 1] === CR;
    const text = this.#octets.toString("latin1", this.#at, hasCr ? end - 1 : end);
    this.#at = end + 1;
    return { text, hasCr };
  }

  /** The beginning of what is held, as a latin1 string. */
  beginning(maxOctets: number): string {
    return this.#octets.toString("latin1", this.#at, Math.min(this.#at + maxOctets, this.#octets.length));
  }

  takeAll(): Buffer {
    const octets = this.#octets.subarray(this.#at);
    this.clear();
    return octets;
  }

  clear(): void {
    this.#octets = EMPTY;
    this.#at = 0;
  }
}
