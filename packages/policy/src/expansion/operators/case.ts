import type { PureOperator } from "../operator.ts";

/** `${lc:ABC}` → `abc`; the letters of ASCII only, whatever the character set of the rest. */
export const lc: PureOperator = { name: "lc", apply: (subject) => lowerCase(subject) };

/** `${uc:abc}` → `ABC`. */
export const uc: PureOperator = {
  name: "uc",
  apply: (subject) =>
    NOT_ASCII.test(subject) ? subject.replace(/[a-z]+/g, (s) => s.toUpperCase()) : subject.toUpperCase(),
};

/** ASCII letters in lower case; what is beyond ASCII are octets, not letters. */
export function lowerCase(text: string): string {
  return NOT_ASCII.test(text) ? text.replace(/[A-Z]+/g, (s) => s.toLowerCase()) : text.toLowerCase();
}

const NOT_ASCII = /[\x80-\xff]/;
