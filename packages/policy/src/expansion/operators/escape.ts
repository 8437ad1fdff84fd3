import type { PureOperator, StateOperator } from "../operator.ts";
import { derived, textOf } from "../value.ts";

/** `${escape:…}`: octets that do not print as `\n`, `\ooo`; those above 126 as well, unless `print_topbitchars`. */
export const escapeOperator: StateOperator = {
  name: "escape",
  run(subject, _argument, evaluation) {
    const { printsTopBit } = evaluation.around.settings;
    const text = textOf(subject);
    return derived(subject, text.replace(printsTopBit ? CONTROL : NOT_PRINTING, named));
  },
};

/** `${escape8bit:…}`: octets above 126 and backslashes as `\ooo`, the others untouched. */
export const escape8bit: PureOperator = {
  name: "escape8bit",
  apply: (subject) => subject.replace(/[\x7f-\xff\\]/g, octal),
};

/** `${hexquote:…}`: what is not printing ASCII as `\xhh`. */
export const hexquote: PureOperator = {
  name: "hexquote",
  apply: (subject) => subject.replace(/[^!-~]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`),
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: replacing them is the point
const CONTROL = /[\x00-\x08\n-\x1f\x7f]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: replacing them is the point
const NOT_PRINTING = /[\x00-\x08\n-\x1f\x7f-\xff]/g;

const NAMES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\b": "\\b", "\v": "\\v", "\f": "\\f" };

const named = (c: string): string => NAMES[c] ?? octal(c);
const octal = (c: string): string => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`;
