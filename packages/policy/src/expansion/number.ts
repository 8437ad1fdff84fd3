import { ExpansionFailure } from "./failures.ts";

const MAX = 2n ** 63n - 1n;
const SHIFT: Readonly<Record<string, bigint>> = { "": 0n, k: 10n, m: 20n, g: 30n };

/**
 * A number of a condition: decimal, with a sign, blanks around it and `K`, `M` or `G` behind it; empty is 0.
 *
 * @throws {ExpansionFailure} it is none, or has more than 64 bits.
 */
export function parseNumber(text: string): bigint {
  const [, sign = "", digits, suffix = ""] = /^\s*([-+]?)([0-9]+)([KkMmGg]?)\s*$/.exec(text) ?? [];
  if (digits === undefined) {
    if (text.trim() === "") return 0n;
    throw new ExpansionFailure(
      /^\s*[-+]?[0-9]/.test(text) ? `invalid integer "${text}"` : `integer expected but "${text}" found`,
    );
  }
  const value = BigInt(digits.length > 20 ? MAX + 1n : digits) << (SHIFT[suffix.toLowerCase()] ?? 0n);
  if (value > MAX) throw new ExpansionFailure(`absolute value of integer "${text}" is too large (overflow)`);
  return sign === "-" ? -value : value;
}
