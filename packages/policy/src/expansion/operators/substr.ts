import { ExpansionFailure } from "../failures.ts";
import type { PureOperator } from "../operator.ts";

/** `${strlen:abc}` → `3`: octets. */
export const strlen: PureOperator = { name: "strlen", apply: (subject) => String(subject.length) };

/** `${length_3:keyboard}` → `key`. */
export const length: PureOperator = {
  name: "length",
  takesArgument: true,
  apply: (subject, argument) => substring(subject, 0, numbers("length", argument, /^(\d*)()$/)[0] ?? 0),
};
export const l = abbreviated(length, "l");

/** `${substr_2_3:keyboard}` → `ybo`. */
export const substr: PureOperator = {
  name: "substr",
  takesArgument: true,
  apply(subject, argument) {
    const [offset = 0, count] = numbers("substr", argument, /^(-?\d*)(?:(?<=\d)_(\d+))?$/);
    return substring(subject, offset, count);
  },
};
export const s = abbreviated(substr, "s");

/**
 * From `offset` on, `count` octets. A negative offset counts from the right; then without `count` it is all that stands
 * left of that point, and a point left of the string eats up the count.
 */
export function substring(subject: string, offset: number, count: number | undefined): string {
  if (offset >= 0) return subject.slice(offset, count === undefined ? undefined : offset + count);
  const point = subject.length + offset;
  if (count === undefined) return subject.slice(0, Math.max(0, point));
  return subject.slice(Math.max(0, point), Math.max(0, point + count));
}

/**
 * The numbers in an operator's argument; a number without digits is 0, one that is not there is undefined.
 *
 * @throws {ExpansionFailure} there is anything else in it.
 */
export function numbers(name: string, argument: string | undefined, pattern: RegExp): (number | undefined)[] {
  const found = pattern.exec(argument ?? "");
  if (found === null) throw new ExpansionFailure(`non-digit after underscore in "${name}_${argument ?? ""}"`);
  return found.slice(1).map((digits) => (digits === undefined ? undefined : Number(digits === "-" ? 0 : digits)));
}

/** The operator by its short name, which has no sense without numbers: they may not be missing. */
export function abbreviated(operator: PureOperator, name: string): PureOperator {
  return {
    ...operator,
    name,
    apply(subject, argument) {
      if (argument === undefined) throw new ExpansionFailure(`missing values after ${name}`);
      return operator.apply(subject, argument);
    },
  };
}
