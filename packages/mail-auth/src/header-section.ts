/** Exim's `header_maxsize` (1M): what comes after that is not looked at. */
export const MAX_HEADER_OCTETS = 1024 * 1024;
const MAX_FIELDS = 1000;
/** One field, folds included; the library's parsers are not all linear. */
const MAX_FIELD_OCTETS = 100 * 1024;
/** Lines of the section: the library joins folded lines in time that grows with their square. */
const MAX_LINES = 16_384;
/** Blanks in a row. Nobody writes as many, and a regular expression can be made to count them again from each one. */
const MAX_BLANKS = 998;

/** A field within the section. */
export interface Field {
  /** Lower case. */
  readonly name: string;
  /** Octets from the start of the section to the name, and to behind the last CRLF. */
  readonly start: number;
  readonly end: number;
}

export type HeaderSection =
  | { readonly kind: "fields"; readonly fields: readonly Field[] }
  /** Another program could read it in another way than we do, or it is too much: nothing may be concluded from it. */
  | { readonly kind: "unusable"; readonly reason: string; readonly signatures: number };

const FIELD_START = /^([\x21-\x39\x3b-\x7e]+)[ \t]*:/;
/** Finds a run as a whole; asked for the full number, it would be tried again from each blank of a shorter run. */
const MANY_BLANKS = /[ \t\r\n]{50,}/g;

/**
 * Finds the fields (RFC 5322 §2.2). Strict, since what we call From must be what the reader's program calls From: a
 * line that is neither field nor fold, and a CR or LF alone, make the whole section unusable (such differences were
 * used to get unsigned text past signatures: Exim bug 3036).
 *
 * @param section Up to and with the CRLF of the last field, without the empty line.
 */
export function readHeaderSection(section: Buffer): HeaderSection {
  const text = section.toString("latin1");
  const unusable = (reason: string): HeaderSection => ({
    kind: "unusable",
    reason,
    signatures: text.match(/^dkim-signature[ \t]*:/gim)?.length ?? 0,
  });
  for (const [blanks] of text.matchAll(MANY_BLANKS)) {
    if (blanks.length > MAX_BLANKS) return unusable("too many blanks in a row");
  }
  const lines = text.split("\r\n");
  // Behind the last CRLF there is an empty string.
  if (lines.at(-1) === "") lines.pop();
  if (lines.length > MAX_LINES) return unusable("too many lines");
  const fields: Field[] = [];
  let open: { name: string; start: number } | undefined;
  let at = 0;
  for (const line of lines) {
    if (/[\r\n]/.test(line)) return unusable("a CR or LF alone");
    const isFold = line.startsWith(" ") || line.startsWith("\t");
    const name = isFold ? undefined : FIELD_START.exec(line)?.[1]?.toLowerCase();
    if (isFold ? open === undefined : name === undefined) return unusable("a line that is no header field");
    if (name !== undefined) {
      if (open !== undefined) fields.push({ ...open, end: at });
      open = { name, start: at };
    }
    at += line.length + 2;
  }
  if (open !== undefined) fields.push({ ...open, end: Math.min(at, section.length) });
  if (fields.length > MAX_FIELDS) return unusable("too many header fields");
  if (fields.some(({ start, end }) => end - start > MAX_FIELD_OCTETS)) return unusable("a header field too long");
  return { kind: "fields", fields };
}
