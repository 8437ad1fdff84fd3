import type { BodyFilter } from "./body-hash.ts";
import { emitLineEnds } from "./empty-lines.ts";

const TAB = 9;
const LF = 10;
const CR = 13;
const BLANK = 32;

/** Octets that are gathered before they are given on. */
const OUT_OCTETS = 16 * 1024;
const MIN_OUT_OCTETS = 1024;

/**
 * The relaxed canonicalization (RFC 6376 §3.4.4): blanks at the ends of lines are left out, others in a row become one, and empty
 * lines at the end are left out. A body of nothing else is empty.
 */
export class RelaxedBody implements BodyFilter {
  #out: Buffer | undefined;
  #length = 0;
  #lineEnds = 0;
  #hasBlank = false;
  #hasCr = false;
  #isEmpty = true;

  update(piece: Buffer, emit: (octets: Buffer) => void): void {
    this.#out ??= Buffer.allocUnsafe(Math.max(MIN_OUT_OCTETS, Math.min(OUT_OCTETS, piece.length)));
    for (let i = 0; i < piece.length; i++) {
      const octet = piece[i] ?? 0;
      if (octet === CR) {
        if (this.#hasCr) this.#put(CR, emit);
        this.#hasCr = true;
      } else if (octet === LF && this.#hasCr) {
        this.#hasCr = this.#hasBlank = false;
        this.#lineEnds++;
      } else {
        if (this.#hasCr) {
          this.#hasCr = false;
          this.#put(CR, emit);
        }
        if (octet === BLANK || octet === TAB) this.#hasBlank = true;
        else if (this.#hasBlank || this.#lineEnds > 0) this.#put(octet, emit);
        else i = this.#copy(piece, i, emit);
      }
    }
  }

  end(emit: (octets: Buffer) => void): void {
    if (this.#hasCr) this.#put(CR, emit);
    this.#give(emit);
    if (!this.#isEmpty) emitLineEnds(1, emit);
  }

  /** Copies what stays as it is. @returns index of its last octet. */
  #copy(piece: Buffer, start: number, emit: (octets: Buffer) => void): number {
    const out = this.#out;
    if (out === undefined) return start;
    this.#isEmpty = false;
    let end = start;
    let length = this.#length;
    for (; end < piece.length; end++) {
      const octet = piece[end] ?? 0;
      if (octet <= BLANK && (octet === BLANK || octet === TAB || octet === CR)) {
        // One blank between two words.
        const next = piece[end + 1] ?? BLANK;
        if (octet !== BLANK || next === BLANK || next === TAB || next === CR) break;
      }
      if (length === out.length) {
        this.#length = length;
        this.#give(emit);
        length = 0;
      }
      out[length++] = octet;
    }
    this.#length = length;
    return end - 1;
  }

  /** An octet that counts, behind the blanks and line ends before it. */
  #put(octet: number, emit: (octets: Buffer) => void): void {
    this.#isEmpty = false;
    if (this.#lineEnds > 0) this.#putLineEnds(emit);
    if (this.#hasBlank) {
      this.#hasBlank = false;
      this.#push(BLANK, emit);
    }
    this.#push(octet, emit);
  }

  #putLineEnds(emit: (octets: Buffer) => void): void {
    if (this.#lineEnds > 16) {
      this.#give(emit);
      emitLineEnds(this.#lineEnds, emit);
    } else {
      for (let left = this.#lineEnds; left > 0; left--) {
        this.#push(CR, emit);
        this.#push(LF, emit);
      }
    }
    this.#lineEnds = 0;
  }

  #push(octet: number, emit: (octets: Buffer) => void): void {
    const out = this.#out;
    if (out === undefined) return;
    if (this.#length === out.length) this.#give(emit);
    out[this.#length++] = octet;
  }

  #give(emit: (octets: Buffer) => void): void {
    if (this.#out !== undefined && this.#length > 0) emit(this.#out.subarray(0, this.#length));
    this.#length = 0;
  }
}
