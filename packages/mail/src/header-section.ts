import { trim, trimEnd } from "./blanks.ts";
/** One field of a header section, by offsets: nothing is copied, and what is passed on stays octet for octet the same. */
export interface HeaderField {
  /** In lower case. */
  readonly name: string;
  readonly start: number;
  /** Index of the first octet behind the colon. */
  readonly valueStart: number;
  /** Index behind the CRLF of the field's last line. */
  readonly end: number;
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;
const COLON = 0x3a;

/**
 * The fields of a header section, in order (RFC 5322 §2.2). Lines end with CRLF.
 *
 * Ends at the first blank line, or before the first line that is no field and no continuation: this is the one place
 * that says where headers end, so that verifying and delivering cannot come to different answers.
 * Blanks between name and colon are taken (RFC 5322 §4.5.8), as Exim takes them.
 */
export function headerFields(octets: Buffer): readonly HeaderField[] {
  const fields: HeaderField[] = [];
  let at = 0;
  while (at < octets.length) {
    const colon = colonOf(octets, at);
    if (colon < 0) break;
    const start = at;
    do {
      const lineEnd = octets.indexOf(LF, at);
      at = lineEnd < 0 ? octets.length : lineEnd + 1;
    } while (at < octets.length && isBlank(octets[at]));
    fields.push({
      name: trimEnd(octets.toString("latin1", start, colon)).toLowerCase(),
      start,
      valueStart: colon + 1,
      end: at,
    });
  }
  return fields;
}

/** Index of the colon behind a field name at `start`, or -1 if there is no field name. */
function colonOf(octets: Buffer, start: number): number {
  let i = start;
  while (isNameOctet(octets[i])) i++;
  if (i === start) return -1;
  while (isBlank(octets[i])) i++;
  return octets[i] === COLON ? i : -1;
}

/** RFC 5322 §3.6.8 ftext: printable ASCII except the colon. */
export const isNameOctet = (octet: number | undefined): boolean =>
  octet !== undefined && octet > SPACE && octet < 0x7f && octet !== COLON;

export const isBlank = (octet: number | undefined): boolean => octet === SPACE || octet === TAB;

/** A field's value as one line: folds opened (RFC 5322 §2.2.3), blanks at the ends removed. latin1, so octets survive. */
export function fieldValue(octets: Buffer, field: HeaderField): string {
  return trim(octets.toString("latin1", field.valueStart, field.end).replace(/\r\n/g, ""));
}

/** Index behind the header section: behind its blank line if it has one. */
export function headerSectionEnd(octets: Buffer): number {
  const end = headerFields(octets).at(-1)?.end ?? 0;
  return octets[end] === CR && octets[end + 1] === LF ? end + 2 : end;
}
