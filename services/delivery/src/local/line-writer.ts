import type { LineForm } from "@postbus/policy";

const CR = 13;
const LF = 10;

/**
 * Lines of a message as a mailbox or a program wants them (`check_string` and `escape_string`, `use_crlf`), however the octets are cut
 * into pieces. Takes lines that end with LF.
 */
export class LineWriter {
  readonly #check: Buffer;
  readonly #replacement: Buffer;
  readonly #usesCrlf: boolean;
  #isInBody: boolean;
  /** Lines of the header section are left as they are, unless they would end a batch of SMTP commands. */
  readonly #escapesHeader: boolean;
  #isAtLineStart = true;
  /** The beginning of a line that may yet become the string to be checked. */
  #held = Buffer.alloc(0);
  #endsWithLf = true;

  /** @param hasHeader The octets begin with a header section. */
  constructor({ escaped, usesCrlf, isBatched }: LineForm, hasHeader = true) {
    this.#check = Buffer.from(escaped?.from ?? "", "latin1");
    this.#replacement = Buffer.from(escaped?.to ?? "", "latin1");
    this.#usesCrlf = usesCrlf;
    this.#isInBody = !hasHeader;
    this.#escapesHeader = isBatched;
  }

  /** @returns Octets that are the caller's. */
  write(octets: Buffer): Buffer {
    const input = Buffer.concat([this.#held, octets]);
    this.#held = Buffer.alloc(0);
    const parts: Buffer[] = [];
    for (let at = 0; at < input.length; ) {
      if (this.#isAtLineStart) {
        const begun = this.#beginLine(input.subarray(at));
        if (begun === "later") {
          this.#held = Buffer.from(input.subarray(at));
          break;
        }
        if (begun === "replaced") {
          parts.push(this.#replacement);
          at += this.#check.length;
          this.#isAtLineStart = false;
          continue;
        }
      }
      const lf = input.indexOf(LF, at);
      const end = lf === -1 ? input.length : lf + 1;
      if (lf !== -1 && this.#usesCrlf) parts.push(input.subarray(at, lf), CRLF);
      else parts.push(input.subarray(at, end));
      this.#isAtLineStart = lf !== -1;
      at = end;
    }
    const out = Buffer.concat(parts);
    if (out.length > 0) this.#endsWithLf = out[out.length - 1] === LF;
    return out;
  }

  /**
   * What is left. The last line gets its end, and a header section without a body the blank line behind it, or what follows in the
   * mailbox would be part of it.
   */
  end(): Buffer {
    const lineEnd = this.#usesCrlf ? CRLF : Buffer.of(LF);
    const parts: Buffer[] = [this.#held];
    if (this.#held.length > 0 || !this.#endsWithLf) parts.push(lineEnd);
    if (!this.#isInBody) parts.push(lineEnd);
    this.#held = Buffer.alloc(0);
    return Buffer.concat(parts);
  }

  #beginLine(line: Buffer): "as it is" | "replaced" | "later" {
    if (!this.#isInBody) {
      this.#isInBody = line[0] === LF;
      if (!this.#escapesHeader || this.#isInBody) return "as it is";
    }
    const check = this.#check;
    if (check.length === 0) return "as it is";
    if (line.length >= check.length) return line.subarray(0, check.length).equals(check) ? "replaced" : "as it is";
    return check.subarray(0, line.length).equals(line) ? "later" : "as it is";
  }
}

const CRLF = Buffer.of(CR, LF);
