/** Lines of the files of lsearch and its relatives (Exim's manual, "Single-key lookup types"). C's `isspace`: blank, 9..13. */

/** The key with which a line begins, and where that is. */
export interface LineKey {
  /** Without its quotes, with its escapes replaced. */
  readonly key: string;
  /** Offset of the line's first octet. */
  readonly at: number;
}

/** An entry: a line that begins with a key, and its continuation lines. */
export interface Entry {
  readonly key: string;
  readonly data: string;
  /** `ret=full`: the key (without its quotes) and all that follows. */
  readonly full: string;
}

const BARE_KEY = /[^: \t-\r]*/y;
/** What stands between key and data. */
const SEPARATOR = /^[ \t-\r]*:?[ \t-\r]*/;
const LEADING_SPACE = /^[ \t-\r]+/;

/** Whether a line that begins with this character continues the entry before it. */
const isSpace = (code: number): boolean => code === 32 || (code >= 9 && code <= 13);

const HASH = 0x23;
const QUOTE = '"';

/** Whether the line at `at` begins with a key: it is neither empty, nor a comment, nor a continuation. */
export function beginsWithKey(text: string, at: number): boolean {
  const first = text.charCodeAt(at);
  return !isSpace(first) && first !== HASH;
}

/** The key of the line from `at` to `end`, and the offset behind it. */
export function readKey(text: string, at: number, end: number): { readonly key: string; readonly next: number } {
  if (text[at] !== QUOTE) {
    BARE_KEY.lastIndex = at;
    BARE_KEY.test(text);
    const next = Math.min(BARE_KEY.lastIndex, end);
    return { key: text.slice(at, next), next };
  }
  let key = "";
  let from = at + 1;
  let next = from;
  for (; next < end && text[next] !== QUOTE; next++) {
    if (text[next] !== "\\" || next + 1 >= end) continue;
    const escaped = readEscape(text, next + 1);
    key += text.slice(from, next) + escaped.character;
    from = escaped.next;
    next = from - 1;
  }
  return { key: key + text.slice(from, next), next: Math.min(next + 1, end) };
}

const OCTAL = /[0-7]{1,3}/y;
const HEXADECIMAL = /[0-9A-Fa-f]{1,2}/y;
const ESCAPES: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

/** @param at Behind the backslash. */
function readEscape(text: string, at: number): { readonly character: string; readonly next: number } {
  OCTAL.lastIndex = at;
  const octal = OCTAL.exec(text)?.[0];
  if (octal !== undefined) {
    return { character: String.fromCharCode(Number.parseInt(octal, 8) & 0xff), next: at + octal.length };
  }
  const letter = text[at] ?? "";
  if (letter === "x") {
    HEXADECIMAL.lastIndex = at + 1;
    const digits = HEXADECIMAL.exec(text)?.[0] ?? "";
    const code = digits === "" ? 0 : Number.parseInt(digits, 16);
    return { character: String.fromCharCode(code), next: at + 1 + digits.length };
  }
  return { character: ESCAPES[letter] ?? letter, next: at + 1 };
}

/**
 * The entry that begins at `at`. An empty line or a comment ends it, so that the continuation lines after a comment are
 * dropped, as Exim does.
 *
 * @param isWhole Nothing follows `text` in the file.
 * @returns undefined: the entry may go on behind the end of `text`.
 */
export function readEntry(text: string, at: number, isWhole: boolean): Entry | undefined {
  let end = text.indexOf("\n", at);
  if (end === -1 && !isWhole) return undefined;
  const firstEnd = lineEnd(text, at, end);
  const { key, next } = readKey(text, at, firstEnd);
  const rest = text.slice(next, firstEnd);
  const continued: string[] = [];
  while (end !== -1) {
    const start = end + 1;
    if (start >= text.length) {
      if (!isWhole) return undefined;
      break;
    }
    if (!isSpace(text.charCodeAt(start))) break;
    end = text.indexOf("\n", start);
    if (end === -1 && !isWhole) return undefined;
    const line = text.slice(start, lineEnd(text, start, end));
    if (line === "") break;
    continued.push(line.replace(LEADING_SPACE, " "));
  }
  const more = continued.join("");
  return { key, data: rest.replace(SEPARATOR, "") + more, full: key + rest + more };
}

/**
 * The end of a line without the white space there; a last line without a newline keeps it. A loop, not a pattern: `\s+$`
 * takes quadratic time on blanks within a line.
 *
 * @param newline Where the line's newline is; -1: there is none.
 */
function lineEnd(text: string, start: number, newline: number): number {
  if (newline === -1) return text.length;
  let end = newline;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return end;
}
