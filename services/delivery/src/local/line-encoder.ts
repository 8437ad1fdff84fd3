import type { LineForm } from "@postbus/policy";
import { MailboxEncoder } from "../maildir/mailbox-content.ts";

/** The octets of a message in the form that a local transport wants, however they are cut into pieces. */
export class LineEncoder {
  readonly #lineEnds: MailboxEncoder | undefined;
  readonly #escaper: LineEscaper | undefined;

  /** @param hasHeader The octets begin with a header section. */
  constructor({ usesCrlf, isBatched, escaped }: LineForm, hasHeader = true) {
    if (!usesCrlf) this.#lineEnds = new MailboxEncoder();
    if (escaped !== undefined && escaped.from !== "") {
      this.#escaper = new LineEscaper(escaped.from, escaped.to, hasHeader && !isBatched);
    }
  }

  /** @returns Octets that hold until the next call. */
  encode(octets: Buffer): Buffer {
    const lines = this.#lineEnds?.encode(octets) ?? octets;
    return this.#escaper?.encode(lines) ?? lines;
  }

  end(): Buffer {
    const left = this.#lineEnds?.end() ?? Buffer.alloc(0);
    if (this.#escaper === undefined) return left;
    return Buffer.concat([this.#escaper.encode(left), this.#escaper.end()]);
  }
}

/** Replaces the beginnings of lines. */
class LineEscaper {
  readonly #from: string;
  readonly #to: string;
  #isInHeader: boolean;
  #isLineStart = true;
  /** The beginning of a line of which it cannot be said yet; always shorter than what is looked for, or a lone CR. */
  #pending = "";

  constructor(from: string, to: string, startsWithHeader: boolean) {
    this.#from = from;
    this.#to = to;
    this.#isInHeader = startsWithHeader;
  }

  encode(octets: Buffer): Buffer {
    const text = this.#pending + octets.toString("latin1");
    this.#pending = "";
    let out = "";
    let at = 0;
    while (at < text.length) {
      if (this.#isLineStart) {
        const left = text.slice(at, at + this.#from.length + 1);
        if (
          !left.includes("\n") &&
          (left === "\r" || (left.length < this.#from.length && this.#from.startsWith(left)))
        ) {
          this.#pending = text.slice(at);
          break;
        }
        if (this.#isInHeader) {
          if (/^\r?\n/.test(text.slice(at, at + 2))) this.#isInHeader = false;
        } else if (text.startsWith(this.#from, at)) {
          out += this.#to;
          at += this.#from.length;
        }
        this.#isLineStart = false;
      }
      const end = text.indexOf("\n", at);
      if (end < 0) {
        out += text.slice(at);
        break;
      }
      out += text.slice(at, end + 1);
      at = end + 1;
      this.#isLineStart = true;
    }
    return Buffer.from(out, "latin1");
  }

  end(): Buffer {
    return Buffer.from(this.#pending, "latin1");
  }
}
