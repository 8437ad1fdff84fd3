/** Smaller pieces are copied together: a Buffer of its own costs some 200 octets, and a peer chooses how small its packets are. */
const SMALL_OCTETS = 2048;
const BLOCK_OCTETS = 8192;

/** Octets in the order in which they came, without copying the large pieces. Memory stays close to `length`. */
export class OctetList {
  #pieces: Buffer[] = [];
  #block: Buffer | undefined;
  #blockUsed = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(octets: Buffer): void {
    if (octets.length === 0) return;
    this.#length += octets.length;
    if (octets.length >= SMALL_OCTETS || (this.#block === undefined && this.#pieces.length === 0)) {
      this.#closeBlock();
      this.#pieces.push(octets);
      return;
    }
    if (this.#block === undefined || this.#blockUsed + octets.length > this.#block.length) {
      this.#closeBlock();
      this.#block = Buffer.allocUnsafeSlow(BLOCK_OCTETS);
    }
    this.#blockUsed += octets.copy(this.#block, this.#blockUsed);
  }

  /** The pieces so far, and leaves the list empty. */
  take(): readonly Buffer[] {
    this.#closeBlock();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#length = 0;
    return pieces;
  }

  /** All octets in one Buffer (the only piece itself, if there is one), and leaves the list empty. */
  takeWhole(): Buffer {
    const pieces = this.take();
    return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
  }

  #closeBlock(): void {
    if (this.#block === undefined) return;
    this.#pieces.push(this.#block.subarray(0, this.#blockUsed));
    this.#block = undefined;
    this.#blockUsed = 0;
  }
}
