import type { ContentDefect } from "./content-reader.ts";

/** What BDAT says (RFC 3030 §2). */
export interface BdatCommand {
  readonly octets: number;
  readonly isLast: boolean;
}

/**
 * Reads what stands behind `BDAT`: digits, and perhaps LAST. A number beyond the safe integers is only known to be too
 * large.
 *
 * @returns undefined: nobody knows how much of what follows is content.
 */
export function parseBdat(argument: string): BdatCommand | undefined {
  const [, digits, last] = /^ *([0-9]+)(?: +(LAST))? *$/i.exec(argument) ?? [];
  return digits === undefined ? undefined : { octets: Number(digits), isLast: last !== undefined };
}

/**
 * Reads message content as it comes in chunks behind BDAT (RFC 3030): each has its length said, so nothing in it ends it
 * and no dot is stuffed.
 *
 * What may be passed on is the same as behind DATA, where others have to find the end by what they see: lines end with
 * CRLF, and a CR or LF alone, or a NUL, is a defect. The last line may lack its end, and gets it.
 */
export class ChunkReader {
  #left = 0;
  #isLast = false;
  #isComplete = false;
  #consumed = 0;
  #defect: ContentDefect | undefined;
  /** Of all chunks so far. Their start is a line's start. */
  #lastOctet = LF;
  #chunkOctets = 0;

  /** The chunk that comes next. */
  begin({ octets, isLast }: BdatCommand): void {
    this.#left = octets;
    this.#isLast = isLast;
    this.#chunkOctets = octets;
  }

  /** The first defect found. From then on `read` gives no content. */
  get defect(): ContentDefect | undefined {
    return this.#defect;
  }

  /** Whether the last chunk has been read. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Whether a chunk has come to its end that is not the last one. */
  get isBetweenChunks(): boolean {
    return this.#left === 0 && !this.#isLast;
  }

  /** Whether `read` has something to do though nothing has come: an empty last chunk. */
  get needsNothing(): boolean {
    return this.#left === 0 && this.#isLast && !this.#isComplete;
  }

  /** Octets of the chunk, as BDAT said. */
  get chunkOctets(): number {
    return this.#chunkOctets;
  }

  /** Index in the last input behind what belongs to the chunk. */
  get consumed(): number {
    return this.#consumed;
  }

  /** What `input` has of the chunk from index `from` on: a slice of it, unless a line end had to be added. */
  read(input: Buffer, from = 0): Buffer {
    const end = Math.min(input.length, from + this.#left);
    const piece = input.subarray(from, end);
    this.#left -= piece.length;
    this.#consumed = end;
    if (this.#defect === undefined) this.#check(piece);
    this.#isComplete = this.#left === 0 && this.#isLast;
    if (!this.#isComplete) return this.#defect === undefined ? piece : EMPTY;
    if (this.#lastOctet === CR) this.#defect ??= "bare CR";
    if (this.#defect !== undefined) return EMPTY;
    return this.#lastOctet === LF ? piece : Buffer.concat([piece, CRLF]);
  }

  #check(piece: Buffer): void {
    let before = this.#lastOctet;
    for (let i = 0; i < piece.length; i++) {
      const octet = piece[i] ?? 0;
      if ((octet === LF) !== (before === CR)) {
        this.#defect = octet === LF ? "bare LF" : "bare CR";
        return;
      }
      if (octet === 0) {
        this.#defect = "NUL";
        return;
      }
      before = octet;
    }
    this.#lastOctet = before;
  }
}

const CR = 0x0d;
const LF = 0x0a;
const CRLF = Buffer.from("\r\n", "latin1");
const EMPTY = Buffer.alloc(0);
