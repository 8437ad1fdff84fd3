const LF = 10;

/** What Exim wants to know of a body without reading it. */
export class BodyFigures {
  lines = 0;
  longestLine = 0;
  zeros = 0;
  #length = 0;

  /** @param octets Of the body, or of the header section, with LF as line ends. */
  add(octets: Buffer, isBody = true): void {
    let at = 0;
    for (let lf = octets.indexOf(LF); lf !== -1; lf = octets.indexOf(LF, at)) {
      this.longestLine = Math.max(this.longestLine, this.#length + lf - at);
      if (isBody) this.lines++;
      this.#length = 0;
      at = lf + 1;
    }
    this.#length += octets.length - at;
    this.longestLine = Math.max(this.longestLine, this.#length);
    if (!isBody) return;
    for (let zero = octets.indexOf(0); zero !== -1; zero = octets.indexOf(0, zero + 1)) this.zeros++;
  }
}
