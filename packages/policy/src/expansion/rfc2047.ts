import { converted, isKnownCharset } from "./charset.ts";
import { decodeBase64 } from "./operators/base64.ts";

/** An encoded-word (RFC 2047 §2). No part can run over a `?`, so that trying at each `=?` stays linear. */
const WORD = /=\?([^?\t-\r ]*)\?([QqBb])\?([^?]*)\?=/g;
/** RFC 2047 §2; longer ones are left as they are, as with `check_rfc2047_length`. */
const MAX_WORD = 75;

/**
 * Encoded words as octets of a character set; blanks between two of them are dropped (RFC 2047 §6.2).
 *
 * @param charset Undefined: whatever each word has.
 * @param onUnknown Called for a character set that nobody knows; without it, the octets stay as they are, and a language
 *   behind the character set (RFC 2231 §5) does not count.
 * @param zero Instead of a NUL.
 */
export function decodeWords(
  text: string,
  charset: string | undefined,
  onUnknown?: (charset: string) => never,
  zero = "?",
): string {
  let result = "";
  let end = 0;
  let isAfterWord = false;
  for (const { 0: word, 1: written = "", 2: encoding = "", 3: data = "", index } of text.matchAll(WORD)) {
    const octets = word.length > MAX_WORD ? undefined : wordOctets(encoding, data);
    if (octets === undefined) continue;
    const between = text.slice(end, index);
    if (!isAfterWord || !/^[\t-\r ]*$/.test(between)) result += between;
    const [from = ""] = onUnknown === undefined ? written.split("*") : [written];
    if (charset !== undefined && !isKnownCharset(from)) onUnknown?.(from);
    result += (charset === undefined ? octets : converted(octets, from, charset)).replaceAll("\0", zero);
    end = index + word.length;
    isAfterWord = true;
  }
  return result + text.slice(end);
}

function wordOctets(encoding: string, data: string): string | undefined {
  if (encoding === "b" || encoding === "B") {
    return decodeBase64(data);
  }
  if (/=(?![0-9A-Fa-f]{2})|[\t-\r ]/.test(data)) return undefined;
  return data
    .replaceAll("_", " ")
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Octets that cannot stand for themselves in a "Q" word wherever it is used (RFC 2047 §5 (3)). */
const CODED = /[^ !#-'*+\-/0-9A-Z^`a-~]/;

/**
 * The text in "Q" encoded-words, if any of its octets has to be coded; else as it is. (Exim counts dots and brackets among
 * those, since they may not stand in a phrase.)
 */
export function encodeWords(text: string, charset: string): string {
  if (!CODED.test(text)) return text;
  const prefix = `=?${charset}?Q?`;
  const isUtf8 = /^utf-?8$/i.test(charset);
  const words: string[] = [];
  let word = "";
  for (let at = 0; at < text.length; ) {
    const end = isUtf8 ? characterEnd(text, at) : at + 1;
    let piece = "";
    for (; at < end; at++) piece += ENCODED[text.charCodeAt(at)] ?? "";
    if (prefix.length + word.length > FULL_WORD) {
      words.push(`${prefix}${word}?=`);
      word = "";
    }
    word += piece;
  }
  words.push(`${prefix}${word}?=`);
  return words.join(" ");
}

/** A word that is longer is ended: it has then room for one more character, and for the end. */
const FULL_WORD = 67;

/** In UTF-8 the octets of one character stay together (RFC 2047 §5). */
function characterEnd(text: string, start: number): number {
  let end = start + 1;
  if (text.charCodeAt(start) < 0xc0) return end;
  while (end < start + 4 && (text.charCodeAt(end) & 0xc0) === 0x80) end++;
  return end;
}

/** Each octet as it stands in a "Q" word. */
const ENCODED: readonly string[] = Array.from({ length: 256 }, (_, code) => {
  const octet = String.fromCharCode(code);
  if (octet === " ") return "_";
  return CODED.test(octet) ? `=${code.toString(16).toUpperCase().padStart(2, "0")}` : octet;
});
