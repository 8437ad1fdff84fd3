import { ExpansionFailure } from "../failures.ts";
import type { PureOperator } from "../operator.ts";

const ALPHABET_62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ALPHABET_32 = "abcdefghijklmnopqrstuvwxyz234567";
const DIGITS_62 = 6;

/** `${base62:98765}` → `000Pgz`: always six digits, as in message ids; more do not fit and are lost. */
export const base62: PureOperator = {
  name: "base62",
  apply(subject) {
    const value = BigInt.asUintN(64, decimal("base62", subject)) % 62n ** BigInt(DIGITS_62);
    return digits(value, ALPHABET_62).padStart(DIGITS_62, "0");
  },
};

/** `${base62d:000Pgz}` → `98765`. */
export const base62d: PureOperator = {
  name: "base62d",
  apply: (subject) => number("base62d", "base 62", subject, ALPHABET_62),
};

/** `${base32:98765}` → `daon`; zero has no digits. */
export const base32: PureOperator = {
  name: "base32",
  apply: (subject) => digits(BigInt.asUintN(64, decimal("base32", subject)), ALPHABET_32),
};

/** `${base32d:daon}` → `98765`. */
export const base32d: PureOperator = {
  name: "base32d",
  apply: (subject) => number("base32d", "base 32", subject, ALPHABET_32),
};

function decimal(name: string, subject: string): bigint {
  const [, sign = "", written = ""] = /^[\t-\r ]*([-+]?)(\d*)$/.exec(subject) ?? [];
  if (written === "" && subject !== "") {
    throw new ExpansionFailure(`argument for ${name} operator is "${subject}", which is not a decimal number`);
  }
  const value = BigInt(written.slice(0, 40));
  return sign === "-" ? -value : value;
}

function digits(value: bigint, alphabet: string): string {
  const base = BigInt(alphabet.length);
  let text = "";
  for (let rest = value; rest > 0n; rest /= base) text = alphabet.charAt(Number(rest % base)) + text;
  return text;
}

function number(name: string, kind: string, subject: string, alphabet: string): string {
  for (const digit of subject) {
    if (alphabet.includes(digit)) continue;
    throw new ExpansionFailure(`argument for ${name} operator is "${subject}", which is not a ${kind} number`);
  }
  const base = BigInt(alphabet.length);
  let value = 0n;
  // Both bases are even, so that no digit before these has a part in the lowest 64 bits.
  for (const digit of subject.slice(-64)) value = BigInt.asUintN(64, value * base + BigInt(alphabet.indexOf(digit)));
  return String(BigInt.asIntN(64, value));
}
