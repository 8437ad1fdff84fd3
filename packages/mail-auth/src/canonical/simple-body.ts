import type { BodyFilter } from "./body-hash.ts";
import { emitLineEnds } from "./empty-lines.ts";

const CR = 13;
const LF = 10;
const ONE_CR = Buffer.from("\r", "latin1");

/** The simple canonicalization (RFC 6376 §3.4.3): of the empty lines at the end, and of a body without any line, one CRLF stays. */
export class SimpleBody implements BodyFilter {
  /** Line ends that have not been given on. */
  #lineEnds = 0;
  /** The last octet was a CR. */
  #hasCr = false;

  update(piece: Buffer, emit: (octets: Buffer) => void): void {
    let start = 0;
    if (this.#hasCr && piece.length > 0) {
      this.#hasCr = false;
      if (piece[0] === LF) {
        this.#lineEnds++;
        start = 1;
      } else {
        this.#giveLineEnds(emit);
        emit(ONE_CR);
      }
    }
    let end = piece.length;
    if (end > start && piece[end - 1] === CR) {
      this.#hasCr = true;
      end--;
    }
    let lineEnds = 0;
    while (end - 2 >= start && piece[end - 1] === LF && piece[end - 2] === CR) {
      end -= 2;
      lineEnds++;
    }
    if (end > start) {
      this.#giveLineEnds(emit);
      emit(piece.subarray(start, end));
    }
    this.#lineEnds += lineEnds;
  }

  end(emit: (octets: Buffer) => void): void {
    if (this.#hasCr) {
      this.#giveLineEnds(emit);
      emit(ONE_CR);
    }
    emitLineEnds(1, emit);
  }

  #giveLineEnds(emit: (octets: Buffer) => void): void {
    emitLineEnds(this.#lineEnds, emit);
    this.#lineEnds = 0;
  }
}
