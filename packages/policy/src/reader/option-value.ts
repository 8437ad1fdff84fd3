import { trim } from "@postbus/mail";
import type { OptionType, OptionValue } from "../options/option.ts";
import { unquote } from "./quoted-string.ts";
import { splitPlainList } from "./split-plain-list.ts";
import { ValueError } from "./value-error.ts";

const UNIT_MS: Readonly<Record<string, number>> = {
  w: 604_800_000,
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
};
const FACTOR: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };
/** Exim keeps times in 32 bits of seconds. */
const MAX_TIME_MS = 2 ** 31 * 1_000;
/** As many times as Exim takes in `delay_warning`. */
const MAX_TIMES = 10;

/**
 * The value of an option from the text behind its `=`. Strings may be in quotes, numbers and times may not (Exim's manual,
 * "Option settings").
 *
 * @throws {ValueError}
 */
export function readOptionValue(type: OptionType, text: string): OptionValue {
  switch (type) {
    case "boolean":
      return readBoolean(text);
    case "boolean*":
      return expandable(text, readBoolean);
    case "integer":
      return readInteger(text);
    case "integer*":
      return expandable(unquote(text), readInteger);
    case "octal":
      if (!/^[0-7]+$/.test(text)) throw new ValueError(`an octal integer is expected, not "${text}"`);
      return Number.parseInt(text, 8);
    case "fixed":
      if (!/^[+-]?[0-9]+(\.[0-9]*)?$/.test(text))
        throw new ValueError(`a fixed-point number is expected, not "${text}"`);
      return Math.trunc(Number(text) * 1_000) / 1_000;
    case "time":
      return readTime(text);
    case "time*":
      return expandable(unquote(text), readTime);
    case "time list":
      return readTimes(unquote(text));
    case "lines*":
      return [unquote(text)];
    default:
      return unquote(text);
  }
}

/** What has a `$` is expanded at each use, and its value is not known before. */
function expandable<T>(text: string, read: (text: string) => T): T | string {
  return text.includes("$") ? text : read(text);
}

/** `= ` and nothing is true, as the bare name is. @throws {ValueError} */
export function readBoolean(text: string): boolean {
  if (text === "" || /^(true|yes)$/i.test(text)) return true;
  if (/^(false|no)$/i.test(text)) return false;
  throw new ValueError(`true, false, yes or no is expected, not "${text}"`);
}

/** Decimal, octal (`017`) or hexadecimal (`0x1f`), with K, M, G or T behind it. @throws {ValueError} */
export function readInteger(text: string): number {
  const [, sign, digits = "", suffix = ""] = /^([+-]?)(0x[0-9a-f]+|0[0-7]*|[1-9][0-9]*)([kmgt]?)$/i.exec(text) ?? [];
  if (digits === "") throw new ValueError(`an integer is expected, not "${text}"`);
  const isOctal = /^0[0-7]+$/.test(digits);
  const value = (isOctal ? Number.parseInt(digits, 8) : Number(digits)) * (FACTOR[suffix.toLowerCase()] ?? 1);
  if (!Number.isSafeInteger(value)) throw new ValueError(`the integer "${text}" is too large`);
  return sign === "-" ? -value : value;
}

/** `1w2d3h4m5s` in milliseconds; each number needs its unit. @throws {ValueError} */
export function readTime(text: string): number {
  if (!/^(?:[0-9]+[wdhms])+$/.test(text)) throw new ValueError(`invalid time value "${text}" (like 5m or 1h30m)`);
  let sum = 0;
  for (const [, count, unit = ""] of text.matchAll(/([0-9]+)([wdhms])/g)) sum += Number(count) * (UNIT_MS[unit] ?? 0);
  if (sum >= MAX_TIME_MS) throw new ValueError(`the time "${text}" is too long`);
  return sum;
}

/** Ascending; a single `0s` is none. @throws {ValueError} */
function readTimes(text: string): readonly number[] {
  const times = splitPlainList(text).map((item) => readTime(trim(item)));
  if (times.length > MAX_TIMES) throw new ValueError(`more than ${MAX_TIMES} times`);
  if (times.some((time, i) => i > 0 && time <= (times[i - 1] ?? 0))) throw new ValueError("the times must grow");
  return times.length === 1 && times[0] === 0 ? [] : times;
}
