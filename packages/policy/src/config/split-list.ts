/**
 * The items of an Exim list: separated by `:` or by the character that `<c` at the start names; a doubled separator is
 * data; blanks around items do not count; a separator at the end ends the last item and starts none (Exim
 * specification, "Lists").
 */
export function splitList(text: string): string[] {
  const [, changed, rest] = /^\s*<([!-/:-@[-`{-~])([\s\S]*)$/.exec(text) ?? [];
  const separator = changed ?? ":";
  const items: string[] = [];
  let item = "";
  const source = (rest ?? text).trimStart();
  for (let i = 0; i < source.length; i++) {
    const c = source.charAt(i);
    if (c !== separator) item += c;
    else if (source.charAt(i + 1) === separator) {
      item += c;
      i++;
    } else {
      items.push(item.trim());
      item = "";
    }
  }
  if (item.trim() !== "") items.push(item.trim());
  return items;
}
