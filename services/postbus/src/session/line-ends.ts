const LF = 0x0a;
const CR = 0x0d;

/** Gives each line the end that SMTP wants: people type LF, and files have it. */
export class LineEnds {
  #isAfterCr = false;

  /** @param octets As they were read. */
  convert(octets: Buffer): Buffer {
    const parts: Buffer[] = [];
    let start = 0;
    for (let at = octets.indexOf(LF); at !== -1; at = octets.indexOf(LF, at + 1)) {
      const hasCr = at === 0 ? this.#isAfterCr : octets[at - 1] === CR;
      if (hasCr) continue;
      parts.push(octets.subarray(start, at), CRLF);
      start = at + 1;
    }
    parts.push(octets.subarray(start));
    if (octets.length > 0) this.#isAfterCr = octets.at(-1) === CR;
    return parts.length === 1 ? octets : Buffer.concat(parts);
  }
}

const CRLF = Buffer.from("\r\n");
