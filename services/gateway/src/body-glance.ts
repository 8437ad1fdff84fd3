const LF = 10;

/** What policies see of a body, without holding it: its size, and its beginning and end with LF as line ends. */
export class BodyGlance {
  readonly #visible: number;
  #size = 0;
  #lines = 0;
  #start = "";
  #end = "";

  /** @param visible Octets at either end: `message_body_visible`. */
  constructor(visible: number) {
    this.#visible = visible;
  }

  add(octets: Buffer): void {
    this.#size += octets.length;
    for (let at = octets.indexOf(LF); at !== -1; at = octets.indexOf(LF, at + 1)) this.#lines++;
    // Twice as much, since half of it may be the CRs that go.
    const most = 2 * this.#visible;
    if (this.#start.length < most) this.#start += octets.toString("latin1", 0, most - this.#start.length);
    const tail = octets.toString("latin1", Math.max(0, octets.length - most));
    this.#end = tail.length >= most ? tail : (this.#end + tail).slice(-most);
  }

  get size(): number {
    return this.#size;
  }

  get lines(): number {
    return this.#lines;
  }

  get start(): string {
    return this.#start.replaceAll("\r\n", "\n").slice(0, this.#visible);
  }

  get end(): string {
    return this.#visible === 0 ? "" : this.#end.replaceAll("\r\n", "\n").slice(-this.#visible);
  }
}
