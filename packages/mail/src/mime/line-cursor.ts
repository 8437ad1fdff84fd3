/** Octets that can be read from any place on, as often as one likes. */
export interface OctetSource {
  /** @param start Octets before the first that is wanted. Pieces are done with when the next one is asked for. */
  read(start: number): Iterable<Buffer> | AsyncIterable<Buffer>;
}

const CR = 0x0d;

/**
 * Walks through text, line by line or octet by octet, and knows where it is. Octets are latin1, CRLF is seen as LF. What
 * is not there yet is asked for with `fill`; no more than one piece and one line are held.
 */
export class LineCursor {
  readonly #pieces: Iterator<Buffer> | AsyncIterator<Buffer>;
  #text = "";
  #at = 0;
  /** Octets before `#text`. */
  #before: number;
  #hasAll = false;

  constructor(source: OctetSource, start = 0) {
    const pieces = source.read(start);
    this.#pieces = Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]();
    this.#before = start;
  }

  /** Octets before the next one. */
  get position(): number {
    return this.#before + this.#at;
  }

  /** Everything has been read. */
  get isOver(): boolean {
    return this.#hasAll && this.#at >= this.#text.length;
  }

  /** Gets one more piece; at the end, nothing. */
  async fill(): Promise<void> {
    const next = await this.#pieces.next();
    if (next.done === true) {
      this.#hasAll = true;
      return;
    }
    this.#before += this.#at;
    this.#text = this.#text.slice(this.#at) + next.value.toString("latin1");
    this.#at = 0;
  }

  /**
   * The next line with its LF, or as much of it as `most` allows: the rest of it comes as the next one. Undefined: `fill`
   * is needed, or it is over.
   */
  line(most: number): string | undefined {
    const text = this.#text;
    const from = this.#at;
    const end = text.indexOf("\n", from);
    if (end === -1) {
      const length = text.length - from;
      // A CR at the end may belong to a LF.
      if (length > most) return this.#cut(most);
      if (!this.#hasAll || length === 0) return undefined;
      this.#at = text.length;
      return text.slice(from);
    }
    const last = end > from && text.charCodeAt(end - 1) === CR ? end - 1 : end;
    if (last - from >= most) return this.#cut(most);
    this.#at = end + 1;
    return last === end ? text.slice(from, end + 1) : `${text.slice(from, last)}\n`;
  }

  #cut(octets: number): string {
    const from = this.#at;
    this.#at = from + octets;
    return this.#text.slice(from, this.#at);
  }

  /** The next octet; undefined: `fill` is needed, or it is over. */
  peek(): number | undefined {
    return this.#at < this.#text.length ? this.#text.charCodeAt(this.#at) : undefined;
  }

  /** Behind the octet that `peek` has shown. */
  skip(): void {
    this.#at++;
  }

  /** Lets go of what is not wanted to its end. */
  async close(): Promise<void> {
    if (!this.#hasAll) await this.#pieces.return?.();
  }
}

/** The next line, waiting for it; undefined: there is none. */
export async function nextLine(cursor: LineCursor, most: number): Promise<string | undefined> {
  for (;;) {
    const line = cursor.line(most);
    if (line !== undefined || cursor.isOver) return line;
    await cursor.fill();
  }
}

/** The octet that comes next, waiting for it; undefined: there is none. */
export async function nextOctet(cursor: LineCursor): Promise<number | undefined> {
  for (;;) {
    const octet = cursor.peek();
    if (octet !== undefined || cursor.isOver) return octet;
    await cursor.fill();
  }
}
