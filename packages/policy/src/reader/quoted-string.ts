import { trimEnd, trimStart } from "@postbus/mail";
import { ValueError } from "./value-error.ts";

/** A value at the start of a text, and what follows it. */
interface Quoted {
  readonly value: string;
  readonly rest: string;
}

const LETTERS: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/** The value of a string option: the text as it is, or what a pair of quotes encloses. @throws {ValueError} */
export function unquote(text: string): string {
  if (!text.startsWith('"')) return text;
  const quoted = readQuoted(text);
  if (quoted === undefined) throw new ValueError("missing quote at the end of the string");
  if (quoted.rest !== "") throw new ValueError("characters after the closing quote of the string");
  return quoted.value;
}

/**
 * The first item of a line, which ends at a blank or, if it begins with a quote, at the next one; a quote that is not
 * closed reaches to the end of the line.
 */
export function firstItem(text: string): Quoted {
  const source = trimStart(text);
  if (source.startsWith('"')) return readQuoted(source) ?? { value: withoutEscapes(source.slice(1)), rest: "" };
  const end = source.search(/[\t-\r ]/);
  return end < 0 ? { value: source, rest: "" } : { value: source.slice(0, end), rest: trimStart(source.slice(end)) };
}

/** @param text Begins with a quote. @returns undefined if no other one closes it. */
function readQuoted(text: string): Quoted | undefined {
  for (let i = 1; i < text.length; i++) {
    const c = text[i];
    if (c === "\\") i++;
    else if (c === '"') return { value: withoutEscapes(text.slice(1, i)), rest: trimEnd(trimStart(text.slice(i + 1))) };
  }
  return undefined;
}

/** `\n`, `\r`, `\t`, `\ooo`, `\xhh`; before any other character a backslash stands for that character. */
function withoutEscapes(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\(x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|[\s\S])/g, (_, sequence: string) => {
    if (/^x./.test(sequence)) return String.fromCharCode(Number.parseInt(sequence.slice(1), 16));
    if (/^[0-7]/.test(sequence)) return String.fromCharCode(Number.parseInt(sequence, 8) & 0xff);
    return LETTERS[sequence] ?? sequence;
  });
}
