/** Exim's bound: words behind the last one are not sent. */
const MAX_WORDS = 32;

/** The words of a command, as Exim splits them: at white space; a backslash protects the octet behind it. */
export function redisWords(command: string): readonly string[] {
  const words: string[] = [];
  // A word is read only when it is asked for.
  for (const [word] of command.matchAll(/(?:\\[\s\S]|[^\\ \t-\r]|\\$)+/g)) {
    if (words.length === MAX_WORDS) break;
    words.push(word.replace(/\\([\s\S]?)/g, "$1"));
  }
  return words;
}
