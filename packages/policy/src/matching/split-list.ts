import { isSpace } from "../expansion/source.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: they may separate
const CONTROL = /[\x00-\x1f\x7f]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they may separate
const SEPARATOR = /[!-/:-@[-`{-~\x00-\x1f\x7f]/;

/** A list, taken apart as it is read. */
export interface SplitList {
  readonly items: Iterable<string>;
  readonly separator: string;
}

/**
 * The items of a list: separated by `:` or by the punctuation or control character that `<c` at the start names. A doubled
 * separator is data (a doubled control character is an empty item); blanks around items do not count, but between two
 * separators they make an empty item; a separator at the end ends the last item and starts none.
 *
 * @param mayChoose Whether `<c` counts: not if a peer has written it.
 */
export function splitList(text: string, mayChoose = true): SplitList {
  let at = 0;
  while (isSpace(text.charAt(at))) at++;
  let separator = ":";
  // A choice of nothing: no items.
  if (mayChoose && at === text.length - 1 && text.charAt(at) === "<") return { items: [], separator };
  if (mayChoose && text.charAt(at) === "<" && SEPARATOR.test(text.charAt(at + 1))) {
    separator = text.charAt(at + 1);
    at += 2;
  }
  return { items: itemsOf(text, at, separator), separator };
}

function* itemsOf(text: string, start: number, separator: string): Generator<string> {
  const isDoubled = !CONTROL.test(separator);
  let at = start;
  for (;;) {
    while (isSpace(text.charAt(at)) && text.charAt(at) !== separator) at++;
    if (at >= text.length) return;
    let item = "";
    for (;;) {
      let end = text.indexOf(separator, at);
      if (end === -1) end = text.length;
      item += text.slice(at, end);
      at = end + 1;
      if (!isDoubled || text.charAt(at) !== separator) break;
      item += separator;
      at++;
    }
    yield trimEnd(item);
  }
}

function trimEnd(item: string): string {
  let end = item.length;
  // A backslash keeps the blank behind it.
  while (end > 0 && isSpace(item.charAt(end - 1)) && item.charAt(end - 2) !== "\\") end--;
  return item.slice(0, end);
}

/** A list in the making: items as text that gives them back when it is split. */
export class ListText {
  text = "";
  readonly #separator: string;
  #isFirst = true;

  constructor(separator: string) {
    this.#separator = separator;
  }

  add(item: string): void {
    const separator = this.#separator;
    if (!this.#isFirst) {
      this.text += separator;
      // Else the item would read as a doubled separator, or the beginning of one.
      if (item === "" || item.startsWith(separator)) this.text += " ";
    }
    this.text += item.replaceAll(separator, separator + separator);
    this.#isFirst = false;
  }
}
