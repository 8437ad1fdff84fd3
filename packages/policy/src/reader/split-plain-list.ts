import { trim, trimStart } from "@postbus/mail";

/**
 * The items of a list that is not expanded: separated by colons, or by the character behind a `<` at the start; a doubled
 * separator is data (Exim's manual, "Lists in the configuration file"). For values that the reader looks into itself.
 */
export function splitPlainList(text: string): string[] {
  const source = trimStart(text);
  const [head = "", changed] = /^<([!-/:-@[-`{-~])/.exec(source) ?? [];
  const separator = changed ?? ":";
  const items: string[] = [];
  let item = "";
  for (let i = head.length; i < source.length; i++) {
    const c = source.charAt(i);
    if (c !== separator) item += c;
    else if (source.charAt(i + 1) === separator) {
      item += c;
      i++;
    } else {
      items.push(trim(item));
      item = "";
    }
  }
  if (trim(item) !== "") items.push(trim(item));
  return items;
}
