/** What makes content unfit to be passed on. */
export type ContentDefect = "bare CR" | "bare LF" | "NUL";

/** Where the reader stands between two octets. */
type Position =
  /** Behind CRLF, or before the first octet. */
  | "line start"
  /** Behind a dot at the start of a line, which is not part of the content. */
  | "dot"
  | "dot CR"
  /** Behind a CR inside a line. */
  | "CR"
  | "text";

/**
 * Reads message content as it comes after DATA (RFC 5321 §4.1.1.4): finds its end and removes stuffed dots (§4.5.2).
 *
 * Only CRLF `.` CRLF ends it. What other programs have taken for an end (LF `.` LF and its relatives) is a defect:
 * the content is read on to its real end and must then be refused, so that it can never be two messages to anybody
 * (SMTP smuggling, CVE-2023-51764 to -51766). NUL is a defect, too: neither 7BIT nor 8BITMIME content may hold it
 * (RFC 2045 §2.7, §2.8), and programs in C see the text end there.
 */
export class ContentReader {
  #position: Position = "line start";
  #defect: ContentDefect | undefined;
  #hasBareCr = false;
  #isComplete = false;
  #consumed = 0;

  /** The first defect found. From then on `read` gives no content. */
  get defect(): ContentDefect | undefined {
    return this.#defect;
  }

  /**
   * Whether a CR stood alone anywhere. Then the end is in doubt, too: CR CRLF `.` CRLF has the end in it, but its
   * sender may not have seen one there.
   */
  get hasBareCr(): boolean {
    return this.#hasBareCr;
  }

  /** Whether the final dot has come. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Index in the last chunk behind what belongs to the content and its end. */
  get consumed(): number {
    return this.#consumed;
  }

  /** The content in `chunk` from index `from` on, as one piece: a slice of the chunk unless dots had to be removed. */
  read(chunk: Buffer, from = 0): Buffer {
    const text = chunk.length <= SMALL_OCTETS ? chunk.toString("latin1") : undefined;
    const pieces = new Pieces(chunk);
    let position = this.#position;
    let at = from;
    let pieceStart = from;
    while (at < chunk.length) {
      switch (position) {
        case "text": {
          const found = text === undefined ? nextInOctets(chunk, at) : nextInText(text, at);
          at = found + 1;
          if (found < 0) {
            at = chunk.length;
            position = chunk[at - 1] === LF ? "line start" : "text";
          } else if (chunk[found] === DOT) {
            pieces.add(pieceStart, found);
            pieceStart = at;
            position = "dot";
          } else if (chunk[found] === CR && at === chunk.length) {
            position = "CR";
          } else {
            this.#note(chunk[found] === CR ? "bare CR" : chunk[found] === LF ? "bare LF" : "NUL");
          }
          break;
        }
        case "line start":
          position = "text";
          if (chunk[at] === DOT) {
            pieces.add(pieceStart, at);
            at += 1;
            pieceStart = at;
            position = "dot";
          }
          break;
        case "dot":
          position = "text";
          if (chunk[at] === CR) {
            at += 1;
            position = "dot CR";
          }
          break;
        case "dot CR":
          if (chunk[at] === LF) {
            this.#isComplete = true;
            this.#consumed = at + 1;
            return this.#defect === undefined ? pieces.whole() : EMPTY;
          }
          this.#note("bare CR");
          position = "text";
          break;
        case "CR":
          position = "text";
          if (chunk[at] === LF) {
            at += 1;
            position = "line start";
          } else {
            this.#note("bare CR");
          }
          break;
        default:
          return unreachable(position);
      }
    }
    this.#position = position;
    this.#consumed = chunk.length;
    if (this.#defect !== undefined) return EMPTY;
    if (position !== "dot" && position !== "dot CR") pieces.add(pieceStart, chunk.length);
    return pieces.whole();
  }

  #note(defect: ContentDefect): void {
    this.#defect ??= defect;
    if (defect === "bare CR") this.#hasBareCr = true;
  }
}

/**
 * Up to here a search in a string made of the chunk is twice as fast as a loop over its octets. Above, speed matters
 * less than memory: the strings would double what large content leaves to the garbage collector.
 */
const SMALL_OCTETS = 16_384;

/** Each alternative has a fixed length, so the search is linear. */
const NOTABLE = /\r\n\.|\r(?!\n)|(?<!\r)\n|\0/g;

/**
 * Index of the next octet that needs a look: a dot behind CRLF, a CR or LF that is not half of a CRLF (or a CR at the
 * end of the chunk, whose other half may come), NUL. -1 if there is none: then a chunk that ends with LF ends a line.
 */
function nextInText(text: string, start: number): number {
  NOTABLE.lastIndex = start;
  return NOTABLE.test(text) ? NOTABLE.lastIndex - 1 : -1;
}

/** The same. */
function nextInOctets(chunk: Buffer, start: number): number {
  for (let i = start; i < chunk.length; i++) {
    const octet = chunk[i] ?? 0;
    if (octet > CR) continue;
    if (octet === CR) {
      if (chunk[i + 1] !== LF) return i;
      i += 1;
      if (chunk[i + 1] === DOT) return i + 1;
    } else if (octet === LF || octet === 0) {
      return i;
    }
  }
  return -1;
}

const DOT = 0x2e;
const CR = 0x0d;
const LF = 0x0a;
const EMPTY = Buffer.alloc(0);

/** Parts of a chunk, joined: a slice for one part, a copy for more. */
class Pieces {
  readonly #chunk: Buffer;
  #start = 0;
  #end = 0;
  #copy: Buffer | undefined;
  #copied = 0;

  constructor(chunk: Buffer) {
    this.#chunk = chunk;
  }

  add(start: number, end: number): void {
    if (start >= end) return;
    if (this.#end === 0) {
      this.#start = start;
      this.#end = end;
      return;
    }
    if (this.#copy === undefined) {
      this.#copy = Buffer.allocUnsafe(this.#chunk.length);
      this.#copied = this.#chunk.copy(this.#copy, 0, this.#start, this.#end);
    }
    this.#copied += this.#chunk.copy(this.#copy, this.#copied, start, end);
  }

  whole(): Buffer {
    if (this.#copy !== undefined) return this.#copy.subarray(0, this.#copied);
    return this.#end === 0 ? EMPTY : this.#chunk.subarray(this.#start, this.#end);
  }
}

/** The compiler refuses the call when a new position has no case above. */
function unreachable(value: never): never {
  throw new Error(`unhandled position: ${JSON.stringify(value)}`);
}
