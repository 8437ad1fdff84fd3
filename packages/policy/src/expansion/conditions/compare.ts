import { compareCaseless } from "../compare-caseless.ts";
import type { Condition } from "../condition.ts";
import { parseNumber } from "../number.ts";
import { ofTwo } from "../subjects.ts";

type Compare<T> = (a: T, b: T) => boolean;

/** Octet by octet; the form with `i` without regard to the case of ASCII letters. */
function strings(name: string, isTrue: (order: number) => boolean): Condition[] {
  const caseless = `${name}i`;
  return [
    { name, compile: (parser) => ofTwo(parser, name, (a, b) => isTrue(a < b ? -1 : Number(a > b))) },
    { name: caseless, compile: (parser) => ofTwo(parser, caseless, (a, b) => isTrue(compareCaseless(a, b))) },
  ];
}

/** Decimal numbers of 64 bits, with `K`, `M`, `G`. */
function numbers(name: string, compare: Compare<bigint>): Condition {
  return { name, compile: (parser) => ofTwo(parser, name, (a, b) => compare(parseNumber(a), parseNumber(b))) };
}

export const comparisons: readonly Condition[] = [
  ...strings("eq", (order) => order === 0),
  ...strings("lt", (order) => order < 0),
  ...strings("le", (order) => order <= 0),
  ...strings("gt", (order) => order > 0),
  ...strings("ge", (order) => order >= 0),
  numbers("=", (a, b) => a === b),
  numbers("==", (a, b) => a === b),
  numbers("<", (a, b) => a < b),
  numbers("<=", (a, b) => a <= b),
  numbers(">", (a, b) => a > b),
  numbers(">=", (a, b) => a >= b),
];
