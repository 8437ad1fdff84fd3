import { type LineCursor, nextOctet } from "./line-cursor.ts";

/** Octets of one header that are looked at; what comes behind them is read as if it were another header. As in Exim. */
const MAX_OCTETS = 8192;

const LF = 0x0a;
const CR = 0x0d;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x28;
const CLOSE = 0x29;
const BLANK = 0x20;
const TAB = 0x09;

/**
 * Reads one header of a part: unfolded, without control characters, and without blanks and comments but in the values of
 * parameters. A semicolon is at its end.
 *
 * @returns undefined: there is none, since the header section ends here, or the content does.
 */
export async function readPartHeader(cursor: LineCursor): Promise<string | undefined> {
  let text = "";
  let state: "outside" | "before value" | "value" | "quoted" = "outside";
  let comments = 0;
  for (;;) {
    let octet = cursor.peek() ?? (await nextOctet(cursor));
    if (octet === undefined) return undefined;
    cursor.skip();
    if (octet === CR) continue;
    let isLast = false;
    if (octet === LF) {
      if (text !== "") {
        const following = cursor.peek() ?? (await nextOctet(cursor));
        if (following === undefined) return undefined;
        if (following === BLANK || following === TAB) {
          cursor.skip();
          continue;
        }
      }
      octet = SEMICOLON;
      isLast = true;
    }
    const isBlank = octet === BLANK || octet === TAB;
    if (octet < BLANK && !isBlank) continue;
    if (state === "outside") {
      if (isBlank) continue;
      if (octet === BACKSLASH) {
        const escaped = cursor.peek() ?? (await nextOctet(cursor));
        if (escaped === undefined) return undefined;
        cursor.skip();
        octet = escaped;
      } else if (octet === OPEN) {
        comments++;
        continue;
      } else if (octet === CLOSE && comments > 0) {
        comments--;
        continue;
      } else if (octet === EQUALS && comments === 0) {
        state = "before value";
      }
      if (comments > 0 && !isLast) continue;
    } else {
      if (isBlank && state === "before value") continue;
      if (state === "before value") state = "value";
      if (octet === QUOTE) state = state === "value" ? "quoted" : "value";
      if (octet === SEMICOLON && (state === "value" || isLast)) state = "outside";
    }
    text += String.fromCharCode(octet);
    if (isLast) return text === ";" ? undefined : text;
    if (text.length >= MAX_OCTETS) return `${text.slice(0, -1)};`;
  }
}
