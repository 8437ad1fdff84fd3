import type { OctetSource } from "../../src/index.ts";

/** Text as a source that gives pieces of a size, and counts the octets that were asked for. */
export class TextSource implements OctetSource {
  octetsRead = 0;
  readonly #octets: Buffer;
  readonly #piece: number;

  /** @param text latin1, with LF at the end of lines, which are sent as CRLF. */
  constructor(text: string, piece = 64 * 1024) {
    this.#octets = Buffer.from(text.replaceAll("\n", "\r\n"), "latin1");
    this.#piece = piece;
  }

  get size(): number {
    return this.#octets.length;
  }

  *read(start: number): Generator<Buffer> {
    for (let at = start; at < this.#octets.length; at += this.#piece) {
      const piece = this.#octets.subarray(at, at + this.#piece);
      this.octetsRead += piece.length;
      yield piece;
    }
  }
}
