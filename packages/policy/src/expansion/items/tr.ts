import { withValues, work } from "../code.ts";
import type { Item } from "../parser.ts";
import { derived, textOf } from "../value.ts";

/** `${tr{text}{from}{to}}`: octets of `from` become those of `to` at the same place; the last of `to` stands for all more. */
export const tr: Item = {
  name: "tr",
  compile: (parser) =>
    withValues(parser.allArguments("tr", 3, 3), ([subject = "", from = "", to = ""], evaluation) => {
      const text = textOf(subject);
      work(evaluation, text);
      return derived(subject, translated(text, textOf(from), textOf(to)));
    }),
};

function translated(text: string, from: string, to: string): string {
  if (to === "" || from === "") return text;
  const map = new Map<string, string>();
  // An octet that stands in `from` twice follows the later place.
  for (let i = 0; i < from.length; i++) map.set(from.charAt(i), to.charAt(Math.min(i, to.length - 1)));
  let result = "";
  for (const octet of text) result += map.get(octet) ?? octet;
  return result;
}
