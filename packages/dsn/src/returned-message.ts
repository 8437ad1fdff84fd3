/** The message, or as much of it as the caller could read: at least the header section is wanted. */
export interface Original {
  readonly octets: Buffer;
  readonly isWhole: boolean;
  /** Octets of the whole. */
  readonly size: number;
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
  /** @property isPlain 7-bit and orderly; else it is to be encoded. */
  | { readonly kind: "headers"; readonly octets: Buffer; readonly isPlain: boolean };

/** Whether all of the message may be returned, as far as the operator says. */
export function fitsLimits({ octets, isWhole, size }: Original, { sizeLimit, lineLimit }: ReturnLimits): boolean {
  if (sizeLimit > 0 && size > Math.ceil(sizeLimit / SIZE_UNIT) * SIZE_UNIT) return false;
  return isWhole && formOf(octets, lineLimit === 0 ? LINE_MAX : Math.min(lineLimit, LINE_MAX)).hasOrderlyLines;
}

/** @param maxOctets Room that is left in the report. @returns undefined: there is no room for it. */
export function wholeMessage({ octets }: Original, maxOctets: number): ReturnedMessage | undefined {
  if (octets.length > maxOctets) return undefined;
  return { kind: "message", octets, eightBit: formOf(octets, LINE_MAX).eightBit };
}

/** @param maxOctets Room that is left in the report. */
export function headersOnly({ octets }: Original, maxOctets: number): ReturnedMessage {
  const section = headerSection(octets, Math.min(HEADER_SECTION_MAX_OCTETS, maxOctets));
  const { hasOrderlyLines, eightBit } = formOf(section, LINE_MAX);
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

/** Whether it can go into a report as it is: lines of so many octets that end in CRLF, no bare CR, LF or NUL. */
function formOf(octets: Buffer, lineMax: number): { readonly hasOrderlyLines: boolean; readonly eightBit: boolean } {
  let eightBit = false;
  let hasOrderlyLines = true;
  let lineStart = 0;
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i] ?? 0;
    const isAfterCr = i > 0 && octets[i - 1] === CR;
    if (octet >= 0x80) eightBit = true;
    if (octet === 0 || isAfterCr !== (octet === LF)) hasOrderlyLines = false;
    if (octet !== LF) continue;
    if (i - 1 - lineStart > lineMax) hasOrderlyLines = false;
    lineStart = i + 1;
  }
  // The last line may lack its end.
  if (octets.length - lineStart > lineMax || octets.at(-1) === CR) hasOrderlyLines = false;
  return { hasOrderlyLines, eightBit };
}
