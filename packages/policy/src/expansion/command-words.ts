import { dequoted } from "./fields.ts";
import { Source } from "./source.ts";

/**
 * The words of a command line, unexpanded: split at blanks outside of quotes and of `${…}`. A word that begins with a double
 * quote ends at the next one, with escapes; with a single quote, without.
 */
export function splitCommand(text: string): string[] {
  const source = new Source(text);
  const words: string[] = [];
  for (source.skipBlanks(); source.peek() !== ""; source.skipBlanks()) {
    if (source.peek() === '"') words.push(dequoted(source));
    else if (source.peek() === "'") words.push(source.match(/'[^']*'?/y).replace(/^'|'$/g, ""));
    else words.push(plainWord(source));
  }
  return words;
}

function plainWord(source: Source): string {
  const start = source.at;
  let depth = 0;
  for (;;) {
    source.match(/[^\t-\r {}$\\]+/y);
    const c = source.peek();
    if (c === "" || (depth === 0 && /[\t-\r ]/.test(c))) break;
    if (c === "{") depth++;
    if (c === "}") depth--;
    source.at += c === "\\" ? 2 : 1;
  }
  source.at = Math.min(source.at, source.text.length);
  return source.text.slice(start, source.at);
}
