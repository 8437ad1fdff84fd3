import { trimStart } from "@postbus/mail";

const SPACE = 0x20;

/** What follows `word` (in any case) at the start, without blanks before it (they are common, and Exim takes them). */
export function afterWord(argument: string, word: string): string | undefined {
  if (argument.slice(0, word.length).toUpperCase() !== word) return undefined;
  const rest = argument.slice(word.length);
  return rest.charCodeAt(0) === SPACE ? trimStart(rest) : rest;
}
