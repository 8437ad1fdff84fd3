const CR = 13;
const LF = 10;

/**
 * Line ends as mailboxes have them: CRLF becomes LF, however the content is cut into chunks. A lone CR or LF stays.
 */
export class MailboxEncoder {
  /** The last chunk ended in CR: whether its LF follows is not known yet. */
  #owesCr = false;
  /** Of the last result, to be used for the next. */
  #out = Buffer.alloc(0);

  /** @returns Octets that hold until the next call. */
  encode(octets: Buffer): Buffer {
    if (this.#out.length <= octets.length) this.#out = Buffer.allocUnsafe(octets.length + 1);
    const out = this.#out;
    let length = 0;
    if (this.#owesCr && octets.length > 0) {
      if (octets[0] !== LF) out[length++] = CR;
      this.#owesCr = false;
    }
    let from = 0;
    for (let cr = octets.indexOf(CR); cr !== -1; cr = octets.indexOf(CR, cr + 1)) {
      const isLast = cr === octets.length - 1;
      if (!isLast && octets[cr + 1] !== LF) continue;
      length += octets.copy(out, length, from, cr);
      from = cr + 1;
      this.#owesCr = isLast;
    }
    length += octets.copy(out, length, from);
    return out.subarray(0, length);
  }

  end(): Buffer {
    return this.#owesCr ? Buffer.of(CR) : Buffer.alloc(0);
  }
}
