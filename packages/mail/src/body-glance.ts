const LF = 10;
const CR = 13;

/** What policies see of a body, without holding it: its size, its lines, and its beginning and end with LF as line ends. */
export class BodyGlance {
  readonly #visible: number;
  #size = 0;
  #lines = 0;
  #longestLine = 0;
  #zeros = 0;
  /** Octets of the line that has not ended, and whether the last of them is a CR. */
  #open = 0;
  #endsWithCr = false;
  #start = "";
  #end = "";

  /** @param visible Octets at either end: `message_body_visible`. */
  constructor(visible: number) {
    this.#visible = visible;
  }

  add(octets: Buffer): void {
    this.#size += octets.length;
    this.#measureLines(octets);
    for (let at = octets.indexOf(0); at !== -1; at = octets.indexOf(0, at + 1)) this.#zeros++;
    // Twice as much, since half of it may be the CRs that go.
    const most = 2 * this.#visible;
    if (this.#start.length < most) this.#start += octets.toString("latin1", 0, most - this.#start.length);
    const tail = octets.toString("latin1", Math.max(0, octets.length - most));
    this.#end = tail.length >= most ? tail : (this.#end + tail).slice(-most);
  }

  #measureLines(octets: Buffer): void {
    let from = 0;
    for (let at = octets.indexOf(LF); at !== -1; at = octets.indexOf(LF, from)) {
      const isCrlf = at === 0 ? this.#endsWithCr : octets[at - 1] === CR;
      this.#longestLine = Math.max(this.#longestLine, this.#open + at - from - (isCrlf ? 1 : 0));
      this.#lines++;
      this.#open = 0;
      from = at + 1;
    }
    this.#open += octets.length - from;
    this.#endsWithCr = octets.at(-1) === CR;
  }

  get size(): number {
    return this.#size;
  }

  get lines(): number {
    return this.#lines;
  }

  /** Octets, without CRLF. */
  get longestLine(): number {
    return this.#longestLine;
  }

  /** NUL octets. */
  get zeros(): number {
    return this.#zeros;
  }

  get start(): string {
    return this.#start.replaceAll("\r\n", "\n").slice(0, this.#visible);
  }

  get end(): string {
    return this.#visible === 0 ? "" : this.#end.replaceAll("\r\n", "\n").slice(-this.#visible);
  }
}
