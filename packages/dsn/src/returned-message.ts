/** The message, or as much of it as the caller could read: at least the header section is wanted. */
export interface Original {
  readonly octets: Buffer;
  readonly isWhole: boolean;
  /** Octets of the whole. */
  readonly size: number;
  /** Of the whole, if it is not at hand and somebody has read it for this. */
  readonly form?: MessageForm;
}

/** What of a message its bounce returns (Exim's manual, "Customizing bounce messages"). */
export interface ReturnLimits {
  /** `bounce_return_message`; without it there is no third part. */
  readonly returnsMessage: boolean;
  /** `bounce_return_body` */
  readonly returnsBody: boolean;
  /** `bounce_return_size_limit`; 0: none. */
  readonly sizeLimit: number;
  /** `bounce_return_linesize_limit`; 0: none. */
  readonly lineLimit: number;
}

/** Header sections are quoted up to here. Also what a caller should read of a large message. */
export const HEADER_SECTION_MAX_OCTETS = 64 * 1024;
/** What RFC 5322 §2.1.1 allows, and what every host on the way takes. */
const LINE_MAX = 998;
/** Exim takes `bounce_return_size_limit` as a number of these. */
const SIZE_UNIT = 8 * 1024;

/** The last part of a report: the message, or its header section. */
export type ReturnedMessage =
  | { readonly kind: "message"; readonly octets: Buffer; readonly eightBit: boolean }
  /** Its octets are put in by whoever has them. */
  | { readonly kind: "large message"; readonly eightBit: boolean }
  /** @property isPlain 7-bit and orderly; else it is to be encoded. */
  | { readonly kind: "headers"; readonly octets: Buffer; readonly isPlain: boolean };

/** Whether so large a message may be returned, as far as the operator says. */
export const isWithinSize = (size: number, { sizeLimit }: Pick<ReturnLimits, "sizeLimit">): boolean =>
  sizeLimit === 0 || size <= Math.ceil(sizeLimit / SIZE_UNIT) * SIZE_UNIT;

/** Whether all of the message may be returned, as far as the operator says. */
export function fitsLimits({ octets, isWhole, size, form }: Original, limits: ReturnLimits): boolean {
  if (!isWithinSize(size, limits)) return false;
  return isWhole ? formOf(octets, limits).hasOrderlyLines : form?.hasOrderlyLines === true;
}

/** @param maxOctets Room that is left in the report. @returns undefined: there is no room for it. */
export function wholeMessage(
  { octets, isWhole, form }: Original,
  maxOctets: number,
  mayBeLarge = false,
): Exclude<ReturnedMessage, { readonly kind: "headers" }> | undefined {
  if (isWhole && octets.length <= maxOctets) return { kind: "message", octets, eightBit: formOf(octets).eightBit };
  if (!mayBeLarge) return undefined;
  const { eightBit } = form ?? formOf(octets);
  return { kind: "large message", eightBit };
}

/** @param maxOctets Room that is left in the report. */
export function headersOnly(
  { octets }: Original,
  maxOctets: number,
): Extract<ReturnedMessage, { readonly kind: "headers" }> {
  const section = headerSection(octets, Math.min(HEADER_SECTION_MAX_OCTETS, maxOctets));
  const { hasOrderlyLines, eightBit } = formOf(section);
  if (hasOrderlyLines && !eightBit) return { kind: "headers", octets: section, isPlain: true };
  // Quoted-printable makes three octets of one. Bare CR and LF, which it would leave, become blanks.
  const less = headerSection(section, Math.min(HEADER_SECTION_MAX_OCTETS, Math.floor(maxOctets / 3)));
  const orderly = less.toString("latin1").replace(/\r(?!\n)|(?<!\r)\n/g, " ");
  return { kind: "headers", octets: Buffer.from(orderly, "latin1"), isPlain: false };
}

/** Up to the blank line, whole lines only. */
function headerSection(octets: Buffer, maxOctets: number): Buffer {
  // Content whose first line is blank has no header section.
  if (octets.subarray(0, 2).equals(CRLF)) return octets.subarray(0, 0);
  const end = octets.indexOf("\r\n\r\n", 0, "latin1");
  const section = end < 0 ? octets : octets.subarray(0, end + 2);
  if (section.length <= maxOctets) return section;
  const lastLine = section.subarray(0, Math.max(0, maxOctets)).lastIndexOf(CRLF);
  return section.subarray(0, lastLine < 0 ? 0 : lastLine + 2);
}

const CRLF = Buffer.from("\r\n", "latin1");
const LF = 0x0a;
const CR = 0x0d;

/** What holds for all of a message, of which only the begin may be at hand. */
export interface MessageForm {
  /** It can go into a report as it is: no line is too long, all end in CRLF, there is no bare CR or LF, and no NUL. */
  readonly hasOrderlyLines: boolean;
  readonly eightBit: boolean;
}

/** Finds out the form of a message, piece by piece. */
export class FormSurvey {
  readonly #lineMax: number;
  #eightBit = false;
  #hasOrderlyLines = true;
  /** Octets of the line so far, its CR included. */
  #lineLength = 0;
  #last = 0;

  /** @param limits Of lines: longer ones than RFC 5322 allows are never orderly. */
  constructor({ lineLimit }: Pick<ReturnLimits, "lineLimit"> = { lineLimit: 0 }) {
    this.#lineMax = lineLimit === 0 ? LINE_MAX : Math.min(lineLimit, LINE_MAX);
  }

  add(octets: Buffer): void {
    let [eightBit, isOrderly, length, last] = [this.#eightBit, this.#hasOrderlyLines, this.#lineLength, this.#last];
    for (const octet of octets) {
      if (octet >= 0x80) eightBit = true;
      if (octet === 0 || (last === CR) !== (octet === LF)) isOrderly = false;
      last = octet;
      if (octet !== LF) {
        length++;
      } else {
        if (length - 1 > this.#lineMax) isOrderly = false;
        length = 0;
      }
    }
    [this.#eightBit, this.#hasOrderlyLines, this.#lineLength, this.#last] = [eightBit, isOrderly, length, last];
  }

  get form(): MessageForm {
    // The last line may lack its end.
    const isOrderly = this.#hasOrderlyLines && this.#lineLength <= this.#lineMax && this.#last !== CR;
    return { hasOrderlyLines: isOrderly, eightBit: this.#eightBit };
  }
}

function formOf(octets: Buffer, limits?: Pick<ReturnLimits, "lineLimit">): MessageForm {
  const survey = new FormSurvey(limits);
  survey.add(octets);
  return survey.form;
}
