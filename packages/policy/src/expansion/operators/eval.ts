import { evaluateInteger } from "../integer-arithmetic.ts";
import type { PureOperator } from "../operator.ts";

/** `${eval:1+2*3}` → `7`; numbers with `0x` or a leading zero are hexadecimal and octal. */
export const evaluate: PureOperator = {
  name: "eval",
  apply: (subject) => String(evaluateInteger(subject, { isDecimal: false })),
};

/** `${eval10:010}` → `10`: all numbers are decimal. */
export const evaluateDecimal: PureOperator = {
  name: "eval10",
  apply: (subject) => String(evaluateInteger(subject, { isDecimal: true })),
};
