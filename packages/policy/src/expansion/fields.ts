import { readEscape } from "./escape.ts";
import { lowerCase } from "./operators/case.ts";
import { Source } from "./source.ts";

/**
 * The Nth of the fields between single separator characters; from the end if negative; all of it for 0.
 *
 * @returns undefined: there are not so many.
 */
export function fieldOf(text: string, separators: string, index: number): string | undefined {
  if (index === 0) return text;
  const isSeparator = new Set(separators);
  const step = index > 0 ? 1 : -1;
  let left = Math.abs(index);
  // Where the field begins, seen in the direction of the search: behind the last separator.
  let edge = index > 0 ? 0 : text.length;
  for (let at = index > 0 ? 0 : text.length - 1; at >= 0 && at < text.length; at += step) {
    if (!isSeparator.has(text.charAt(at))) continue;
    if (--left === 0) return index > 0 ? text.slice(edge, at) : text.slice(at + 1, edge);
    edge = index > 0 ? at + 1 : at;
  }
  if (left > 1) return undefined;
  return index > 0 ? text.slice(edge) : text.slice(0, edge);
}

const KEY = /[^=\t-\r ]*/y;
const WORD = /[^\t-\r ]*/y;

/** The value of a key in `name=value name="value with blanks"`; the equals sign may be missing. The case of the key does not count. */
export function keyedValue(text: string, key: string): string | undefined {
  const source = new Source(text);
  const wanted = lowerCase(key);
  for (source.skipBlanks(); source.peek() !== ""; source.skipBlanks()) {
    const name = source.match(KEY);
    source.skipBlanks();
    if (source.take("=")) source.skipBlanks();
    const value = source.peek() === '"' ? dequoted(source) : source.match(WORD);
    if (lowerCase(name) === wanted) return value;
  }
  return undefined;
}

/** A string in double quotes, with escapes; up to the end if the second quote is missing. */
export function dequoted(source: Source): string {
  source.at++;
  let text = "";
  for (;;) {
    text += source.match(/[^"\\]+/y);
    if (source.peek() !== "\\") break;
    text += source.at + 1 < source.text.length ? readEscape(source) : source.match(/\\/y);
  }
  source.take('"');
  return text;
}
