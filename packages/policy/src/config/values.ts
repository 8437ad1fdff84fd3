import { isAbsolute } from "node:path";
import { ValueError } from "./problems.ts";

const DAY_MS = 86_400_000;
/** Longer timers would fire at once: Node.js counts them in 31 bits. */
const MAX_TIMEOUT_MS = 24 * DAY_MS;
const UNIT_MS: Readonly<Record<string, number>> = { w: 7 * DAY_MS, d: DAY_MS, h: 3_600_000, m: 60_000, s: 1_000 };
const FACTOR: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** The right side of an option: the rest of the line, or a quoted string with escapes. */
export function unquote(text: string): string {
  if (!text.startsWith('"')) return text;
  const [whole, inner = ""] = /^"((?:[^"\\]|\\[\s\S])*)"/.exec(text) ?? [];
  if (whole === undefined) throw new ValueError("missing quote at the end of the string");
  if (whole.length < text.trimEnd().length) throw new ValueError("text after the closing quote");
  return inner.replace(/\\(x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|[\s\S])/g, (_, sequence: string) => {
    if (/^x./.test(sequence)) return String.fromCharCode(Number.parseInt(sequence.slice(1), 16));
    if (/^[0-7]/.test(sequence)) return String.fromCharCode(Number.parseInt(sequence, 8));
    return { n: "\n", r: "\r", t: "\t" }[sequence] ?? sequence;
  });
}

/** Strings may hold expansions in Exim; the built-in policy has none, and must not take `$` for text. */
export function plain(text: string): string {
  if (text.includes("$")) throw new ValueError("string expansion ($) is not supported by the built-in policy yet");
  return text;
}

/** Decimal, octal (`017`) or hexadecimal (`0x1f`), with K, M or G behind it. */
export function integer(text: string): number {
  const [, digits = "", suffix = ""] = /^(0x[0-9a-f]+|[0-9]+)([kmg]?)$/i.exec(plain(text)) ?? [];
  const octal = /^0[0-7]+$/.test(digits);
  const value = octal ? Number.parseInt(digits, 8) : digits === "" ? Number.NaN : Number(digits);
  if (!Number.isSafeInteger(value)) throw new ValueError(`integer expected, not "${text}"`);
  return value * (FACTOR[suffix.toLowerCase()] ?? 1);
}

/** `1w2d3h4m5s` in milliseconds; a number needs its unit. */
export function time(text: string): number {
  if (!/^(?:[0-9]+[wdhms])+$/.test(plain(text)))
    throw new ValueError(`invalid time value "${text}" (like 5m or 1h30m)`);
  let sum = 0;
  for (const [, count, unit = ""] of text.matchAll(/([0-9]+)([wdhms])/g)) sum += Number(count) * (UNIT_MS[unit] ?? 0);
  return sum;
}

/** A time that something waits for. */
export function timeout(text: string): number {
  const ms = time(text);
  if (ms === 0 || ms > MAX_TIMEOUT_MS) throw new ValueError(`a time above 0s and up to 24d is expected, not "${text}"`);
  return ms;
}

export function boolean(text: string): boolean {
  if (/^(true|yes)$/i.test(text)) return true;
  if (/^(false|no)$/i.test(text)) return false;
  throw new ValueError(`true, false, yes or no is expected, not "${text}"`);
}

/** A count of something of which there must be at least one. */
export function positive(text: string): number {
  const value = integer(text);
  if (value === 0) throw new ValueError("at least 1 is expected");
  return value;
}

export function absolutePath(text: string): string {
  if (!isAbsolute(plain(text))) throw new ValueError(`an absolute path is expected, not "${text}"`);
  return text;
}

export function domainName(text: string): string {
  if (!/^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/.test(plain(text)) || text.length > 253) {
    throw new ValueError(`a domain name is expected, not "${text}"`);
  }
  return text;
}

/** One of some words. */
export function word<W extends string>(...words: readonly W[]): (text: string) => W {
  return (text) => {
    const found = words.find((one) => one === text);
    if (found === undefined) throw new ValueError(`${words.join(", ")} is expected, not "${text}"`);
    return found;
  };
}
