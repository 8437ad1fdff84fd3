/**
 * The items of a list in Exim's form: colons (doubled: a colon itself), or another separator named first (`<; a; b`).
 * Blanks around an item are not part of it; an item may be empty, but not the last.
 */
export function pathItems(list: string): readonly string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: one may be the separator
  const [, separator = ":", rest = list] = /^[ \t-\r]*<([!-/:-@[-`{-~\0-\x1f\x7f])(.*)$/s.exec(list) ?? [];
  const items: string[] = [];
  let item = "";
  for (let at = 0; at < rest.length; at++) {
    const character = rest.charAt(at);
    if (character !== separator) item += character;
    else if (rest[at + 1] === separator) item += rest.charAt(at++);
    else {
      items.push(trimmed(item));
      item = "";
    }
  }
  const last = trimmed(item);
  if (last !== "") items.push(last);
  return items;
}

/** Blanks of ASCII only: the octet 160, a blank to `trim`, may be part of a letter. */
function trimmed(item: string): string {
  let from = 0;
  let to = item.length;
  while (from < to && isBlank(item.charCodeAt(from))) from++;
  while (from < to && isBlank(item.charCodeAt(to - 1))) to--;
  return item.slice(from, to);
}

/** Space, and tab to carriage return. */
function isBlank(octet: number): boolean {
  return octet === 32 || (octet >= 9 && octet <= 13);
}
