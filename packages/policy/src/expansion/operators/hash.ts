import { ExpansionFailure } from "../failures.ts";
import type { PureOperator } from "../operator.ts";
import { abbreviated, numbers } from "./substr.ts";

const ARGUMENT = /^(\d*)(?:_(\d+))?$/;

/** `${hash_5:monty}`, `${hash_4_62:monty python}`: a short text for a long one. */
export const hash: PureOperator = {
  name: "hash",
  takesArgument: true,
  apply(subject, argument) {
    const [length = 0, letters] = numbers("hash", argument, ARGUMENT);
    return textHash(subject, length, letters);
  },
};
export const h = abbreviated(hash, "h");

/** `${nhash_8:text}`, `${nhash_8_64:text}`: one number, or two with a slash between. */
export const nhash: PureOperator = {
  name: "nhash",
  takesArgument: true,
  apply(subject, argument) {
    const [first = 0, second] = numbers("nhash", argument, ARGUMENT);
    return numericHash(subject, first, second);
  },
};
export const nh = abbreviated(nhash, "nh");

/** Exim's alphabet has the t before the s. */
const ALPHABET = "abcdefghijklmnopqrtsuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const DEFAULT_LETTERS = 26;

/**
 * The hash of Exim's `${hash`: octets beyond the first `length` are mixed into those, which then choose letters. A text
 * that is not longer stays as it is.
 *
 * @param letters How many of the alphabet may be used, at most 62.
 */
export function textHash(subject: string, length: number, letters: number = DEFAULT_LETTERS): string {
  if (letters > ALPHABET.length) throw new ExpansionFailure(`hash count "${letters}" too big`);
  if (subject.length <= length) return subject;
  const octets = Buffer.from(subject, "latin1");
  for (let i = 0, j = length; length > 0 && j < octets.length; i = (i + 1) % length, j++) {
    const octet = octets[j] ?? 0;
    const shift = (octet + j) & 7;
    octets[i] = (octets[i] ?? 0) ^ ((octet << shift) | (octet >> (8 - shift)));
  }
  return Array.from(octets.subarray(0, length), (octet) => ALPHABET.charAt(octet % letters)).join("");
}

/** The odd primes from 113 down to 3. */
const PRIMES = [
  113, 109, 107, 103, 101, 97, 89, 83, 79, 73, 71, 67, 61, 59, 53, 47, 43, 41, 37, 31, 29, 23, 19, 17, 13, 11, 7, 5, 3,
];

/** The hash of Exim's `${nhash`: the octets times primes, added; `second` splits the result into quotient and rest. */
export function numericHash(subject: string, first: number, second: number | undefined): string {
  const modulus = second === undefined ? first : first * second;
  if (modulus === 0) throw new ExpansionFailure("nhash: a modulus may not be zero");
  let sum = 0;
  for (let i = 0; i < subject.length; i++) sum += subject.charCodeAt(i) * (PRIMES[i % PRIMES.length] ?? 0);
  const rest = (sum >>> 0) % modulus;
  return second === undefined ? String(rest) : `${Math.floor(rest / second)}/${rest % second}`;
}
