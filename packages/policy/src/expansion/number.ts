import { trim } from "@postbus/mail";
import { ExpansionFailure } from "./failures.ts";

const MAX = 2n ** 63n - 1n;
const SHIFT: Readonly<Record<string, bigint>> = { "": 0n, k: 10n, m: 20n, g: 30n };

const NUMBER = /^[\t-\r ]*([-+]?)([0-9]+)([KkMmGg]?)[\t-\r ]*$/;

/**
 * A number of a condition: decimal, with a sign, blanks around it and `K`, `M` or `G` behind it; empty is 0.
 *
 * @returns undefined: it is none, or has more than 64 bits.
 */
export function numberIn(text: string): bigint | undefined {
  const [, sign = "", digits, suffix = ""] = NUMBER.exec(text) ?? [];
  if (digits === undefined) return trim(text) === "" ? 0n : undefined;
  const value = BigInt(digits.length > 20 ? MAX + 1n : digits) << (SHIFT[suffix.toLowerCase()] ?? 0n);
  if (value > MAX) return undefined;
  return sign === "-" ? -value : value;
}

/** As `numberIn`. @throws {ExpansionFailure} it is none, or has more than 64 bits. */
export function parseNumber(text: string): bigint {
  const value = numberIn(text);
  if (value !== undefined) return value;
  if (NUMBER.test(text)) throw new ExpansionFailure(`absolute value of integer "${text}" is too large (overflow)`);
  const isCutShort = /^[\t-\r ]*[-+]?[0-9]/.test(text);
  throw new ExpansionFailure(isCutShort ? `invalid integer "${text}"` : `integer expected but "${text}" found`);
}
