import { type Run, withValues, work } from "../code.ts";
import { ExpansionFailure } from "../failures.ts";
import { numericHash, textHash } from "../operators/hash.ts";
import { substring } from "../operators/substr.ts";
import type { Item, Parser } from "../parser.ts";
import { derived, textOf } from "../value.ts";

type Compute = (text: string, first: number, second: number | undefined) => string;

/** An item with one or two numbers before the string: the operator of that name with numbers that are expanded. */
function item(name: string, max: number, compute: Compute): Item {
  return {
    name,
    compile: (parser: Parser): Run =>
      withValues(parser.allArguments(name, 2, max), (args, evaluation) => {
        const subject = args.at(-1) ?? "";
        const text = textOf(subject);
        work(evaluation, text);
        const [first = 0, second] = args.slice(0, -1).map((arg, i) => number(textOf(arg), name, i));
        return derived(subject, compute(text, first, second));
      }),
  };
}

/** @throws {ExpansionFailure} it is no number, or negative where it may not be. */
function number(text: string, name: string, index: number): number {
  const maySign = name === "substr" && index === 0;
  if (!(maySign ? /^[\t-\r ]*(?:-?[0-9]+|)$/ : /^[\t-\r ]*[0-9]*$/).test(text)) {
    throw new ExpansionFailure(`"${text}" is not a ${maySign ? "" : "positive "}number (in "${name}" expansion)`);
  }
  return Number(text);
}

/** `${length{n}{text}}`, `${substr{offset}{n}{text}}`, `${hash{n}{m}{text}}`, `${nhash{n}{m}{text}}`. */
export const numericItems: readonly Item[] = [
  item("length", 2, (text, count) => substring(text, 0, count)),
  item("substr", 3, substring),
  item("hash", 3, textHash),
  item("nhash", 3, numericHash),
];
