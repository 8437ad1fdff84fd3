import { isBlank, isNameOctet } from "@postbus/mail";
import { OctetList } from "./octet-list.ts";

/** Mail has some dozens. */
const MAX_FIELDS = 1_000;
const MAX_FIELD_OCTETS = 100 * 1024;

type Position =
  | "line start"
  /** In the name of a field. */
  | "name"
  /** Blanks behind a name (RFC 5322 §4.5.8). */
  | "before colon"
  | "value"
  /** In the blank line. */
  | "blank line";

/**
 * Collects the header section while content arrives, however it is cut into chunks.
 *
 * It ends behind the first blank line, or before the first line that is neither field nor continuation: that line is
 * the body's first (Exim does the same). The same rule as `headerFields` in packages/mail.
 */
export class HeaderReader {
  readonly #octets = new OctetList();
  #position: Position = "line start";
  /** Where the line that is being read starts, counted from the first octet of the content. */
  #lineStart = 0;
  #fieldStart = 0;
  #fieldCount = 0;
  #longestField = 0;
  /** Lines of the field that have been read to their end. */
  #fieldLines = 0;
  /** Length of the header section once it has ended. */
  #end: number | undefined;
  #hasBlankLine = false;

  /** Octets collected so far. */
  get length(): number {
    return this.#octets.length;
  }

  /** Whether it has so many fields, or so long ones, that it is made to cost us dear wherever it is looked at. */
  get isBomb(): boolean {
    return this.#fieldCount > MAX_FIELDS || this.#longestField > MAX_FIELD_OCTETS;
  }

  /** Octets of the longest field, as far as it has come; a line end counts as one. */
  get longestField(): number {
    return this.#longestField;
  }

  /** @returns Whether the header section has ended: then `take` gives it. */
  read(octets: Buffer): boolean {
    const base = this.#octets.length;
    this.#octets.add(octets);
    let at = 0;
    while (at < octets.length) {
      const octet = octets[at];
      switch (this.#position) {
        case "line start":
          this.#lineStart = base + at;
          if (octet === CR) this.#position = "blank line";
          else if (isBlank(octet) && this.#fieldCount > 0) this.#position = "value";
          else if (isNameOctet(octet)) this.#position = "name";
          else return this.#endAt(this.#lineStart);
          at += 1;
          break;
        case "name":
          if (octet === COLON) this.#startValue();
          else if (isBlank(octet)) this.#position = "before colon";
          else if (!isNameOctet(octet)) return this.#endAt(this.#lineStart);
          at += 1;
          break;
        case "before colon":
          if (octet === COLON) this.#startValue();
          else if (!isBlank(octet)) return this.#endAt(this.#lineStart);
          at += 1;
          break;
        case "value": {
          const lineEnd = octets.indexOf(LF, at);
          const end = base + (lineEnd < 0 ? octets.length : lineEnd + 1);
          if (lineEnd >= 0) this.#fieldLines += 1;
          this.#longestField = Math.max(this.#longestField, end - this.#fieldStart - this.#fieldLines);
          if (lineEnd < 0) return false;
          this.#position = "line start";
          at = lineEnd + 1;
          break;
        }
        case "blank line":
          this.#hasBlankLine = true;
          return this.#endAt(base + at + 1);
        default:
          return unreachable(this.#position);
      }
    }
    return false;
  }

  /**
   * The header section, always with a blank line at its end, and what of the body has been read.
   * When the content ends before the header section does, all of it is header section.
   */
  take(): { readonly header: Buffer; readonly body: Buffer } {
    const octets = this.#octets.takeWhole();
    // Content that ends inside a line that may not be a field cannot be: every line was ended by CRLF.
    const end = this.#end ?? octets.length;
    const header = octets.subarray(0, end);
    return { header: this.#hasBlankLine ? header : Buffer.concat([header, CRLF]), body: octets.subarray(end) };
  }

  #startValue(): void {
    this.#fieldStart = this.#lineStart;
    this.#fieldLines = 0;
    this.#fieldCount++;
    this.#position = "value";
  }

  #endAt(offset: number): true {
    this.#end = offset;
    return true;
  }
}

const CR = 0x0d;
const LF = 0x0a;
const COLON = 0x3a;
const CRLF = Buffer.from("\r\n", "latin1");

function unreachable(value: never): never {
  throw new Error(`unhandled position: ${JSON.stringify(value)}`);
}
