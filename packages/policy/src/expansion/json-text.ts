import { trimEnd, trimStart } from "@postbus/mail";
import { ExpansionFailure } from "./failures.ts";
import { Source } from "./source.ts";

/*
 * JSON as Exim sees it: text between brackets, cut at commas outside of strings and of inner brackets. Parts come back as
 * they are written, blanks behind them included, so numbers and what is in inner brackets keep their form.
 */

const STRING = /"(?:[^"\\]|\\[\s\S])*"?/y;

/** The elements of an array. */
export function jsonElements(json: string, item: string): Iterable<string> {
  return partsOf(inside(json, "[", "]", `array for ${item}`));
}

/** The Nth element of an array, from 1. */
export function jsonElement(json: string, index: number, item: string): string | undefined {
  let at = 0;
  for (const element of jsonElements(json, item)) if (++at === index) return trimEnd(element);
  return undefined;
}

/** A member of an object, by its exact name. */
export function jsonMember(json: string, key: string, item: string): string | undefined {
  for (const member of partsOf(inside(json, "{", "}", `object for ${item}`))) {
    const source = new Source(member);
    const name = source.match(STRING);
    if (name === "" && source.peek() === "") continue;
    if (name === "") throw new ExpansionFailure(`missing '"' wrapping string key for ${item}`);
    source.skipBlanks();
    if (!source.take(":")) throw new ExpansionFailure(`missing object value-separator for ${item}`);
    source.skipBlanks();
    if (name === `"${key}"`) return source.rest;
  }
  return undefined;
}

/** A string without its quotes. @throws {ExpansionFailure} it is none. */
export function jsonString(text: string, item: string): string {
  const [, inner] = /^"([\s\S]*)"[\t-\r ]*$/.exec(text) ?? [];
  if (inner === undefined) throw new ExpansionFailure(`missing '"' wrapping string result for ${item}`);
  return inner;
}

/** What stands between the brackets. @throws {ExpansionFailure} one of them is missing. */
function inside(json: string, open: string, close: string, what: string): string {
  const source = new Source(json);
  source.skipBlanks();
  if (!source.take(open)) throw new ExpansionFailure(`missing '${open}' wrapping ${what}`);
  const start = source.at;
  for (let depth = 0; ; ) {
    const bracket = skipTo(source, /[^"[\]{}]+/y);
    if (bracket === "") throw new ExpansionFailure(`missing '${close}' wrapping ${what}`);
    if (bracket === close && depth === 0) return json.slice(start, source.at);
    depth += bracket === "[" || bracket === "{" ? 1 : -1;
    source.at++;
  }
}

function* partsOf(text: string): Generator<string> {
  const source = new Source(text);
  source.skipBlanks();
  if (source.peek() === "") return;
  let start = source.at;
  for (let depth = 0; ; source.at++) {
    const c = skipTo(source, /[^"[\]{},]+/y);
    if (c === "" || (c === "," && depth === 0)) {
      yield trimStart(text.slice(start, source.at));
      if (c === "") return;
      start = source.at + 1;
    } else if (c !== ",") depth += c === "[" || c === "{" ? 1 : -1;
  }
}

/** Goes over what matches and over strings; the character that stands there then. */
function skipTo(source: Source, plain: RegExp): string {
  do source.match(plain);
  while (source.match(STRING) !== "");
  return source.peek();
}
