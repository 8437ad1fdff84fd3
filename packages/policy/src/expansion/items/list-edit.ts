import { trim } from "@postbus/mail";
import { failBranch, succeed } from "../branches.ts";
import { forEach, runCode, then, withValues, work } from "../code.ts";
import { ExpansionFailure } from "../failures.ts";
import { itemsOf } from "../list-items.ts";
import type { Item } from "../parser.ts";
import { required, requiredList } from "../required.ts";
import { derived, textOf, type Value } from "../value.ts";

/** `${listextract{N}{list}{yes}{no}}`: the Nth item, from the end if N is negative. */
export const listextract: Item = {
  name: "listextract",
  compile(parser) {
    const number = required(parser, "listextract");
    const list = requiredList(parser, "listextract");
    const branches = parser.branches("listextract");
    return (evaluation) =>
      then(runCode(number, evaluation), (text) =>
        then(itemsOf(list, evaluation), ({ items }) => {
          const index = indexOf(textOf(text));
          const seen: Value[] = [];
          const read = forEach(items, evaluation, (item) => seen.push(item) === index);
          return then(read, () => {
            const found = seen.at(index > 0 ? index - 1 : index);
            if (index === 0 || found === undefined) return failBranch(branches, evaluation);
            return succeed(branches, found, evaluation);
          });
        }),
      );
  },
};

/** @throws {ExpansionFailure} it is no number. */
function indexOf(text: string): number {
  const digits = trim(text);
  if (digits === "") throw new ExpansionFailure('first argument of "listextract" must not be empty');
  if (!/^-?[0-9]{0,15}$/.test(digits)) throw new ExpansionFailure('first argument of "listextract" must be numeric');
  return Number(digits === "-" ? 0 : digits);
}

/** `${listquote{:}{text}}`: the text as one item of a list. */
export const listquote: Item = {
  name: "listquote",
  compile: (parser) =>
    withValues(parser.allArguments("listquote", 2, 2), ([separators = "", subject = ""], evaluation) => {
      const [separator = ""] = textOf(separators);
      const text = textOf(subject);
      work(evaluation, text);
      if (text === "") return " ";
      return derived(subject, separator === "" ? text : text.replaceAll(separator, separator + separator));
    }),
};
