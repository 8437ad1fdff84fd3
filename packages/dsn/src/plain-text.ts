/**
 * Peers' words (reply texts, addresses) as one line of printable ASCII: control characters become blanks, what is not
 * ASCII a question mark. Otherwise a line end in a reply could write fields of our report for us.
 *
 * @param maxLength Longer text is cut, and says so, as Exim does it.
 */
export function plainText(text: string, maxLength: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
  const clean = text.replace(/[\x00-\x20\x7f]+/g, " ").replace(/[^\x20-\x7e]/g, "?");
  const trimmed = clean.trim();
  return trimmed.length <= maxLength ? trimmed : `${trimmed.slice(0, maxLength)}[truncated]`;
}

/**
 * A header field, folded at blanks before column 78 (RFC 5322 §2.1.1); a word longer than `HARD_LIMIT` is broken, since
 * no line may have more than 998 characters. CRLF at the end.
 *
 * @param value One line of printable ASCII (`plainText`).
 */
export function foldedField(name: string, value: string): string {
  const lines: string[] = [];
  let line = `${name}:`;
  for (const word of value.split(" ").flatMap(pieces)) {
    if (line.length + 1 + word.length > SOFT_LIMIT && line.trim().length > 0 && line !== `${name}:`) {
      lines.push(line);
      line = "";
    }
    line += ` ${word}`;
  }
  lines.push(line);
  return `${lines.join("\r\n")}\r\n`;
}

const SOFT_LIMIT = 78;
const HARD_LIMIT = 900;

function pieces(word: string): string[] {
  if (word.length <= HARD_LIMIT) return word === "" ? [] : [word];
  return Array.from({ length: Math.ceil(word.length / HARD_LIMIT) }, (_, i) =>
    word.slice(i * HARD_LIMIT, (i + 1) * HARD_LIMIT),
  );
}
