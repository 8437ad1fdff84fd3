import { trim } from "@postbus/mail";
/**
 * Splits a list in Exim's form: colons (doubled: a colon itself), or another separator named first (`<; a; b`).
 * Blanks around an item are not part of it; empty items are dropped.
 */
export function colonItems(list: string): readonly string[] {
  const [, separator = ":", rest = list] = /^[\t-\r ]*<([!-'*-/:-@[-`{-~])(.*)$/s.exec(list) ?? [];
  const items: string[] = [];
  let item = "";
  for (let at = 0; at < rest.length; at++) {
    const character = rest.charAt(at);
    if (character !== separator) item += character;
    else if (rest[at + 1] === separator) item += rest.charAt(at++);
    else {
      items.push(trim(item));
      item = "";
    }
  }
  items.push(trim(item));
  return items.filter((text) => text !== "");
}
