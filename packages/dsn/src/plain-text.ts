/**
 * Peers' words (reply texts, addresses) as one line of printable ASCII: control characters become blanks, what is not
 * ASCII a question mark. Otherwise a line end in a reply could write fields of our report for us.
 *
 * @param maxLength Longer text is cut, and says so, as Exim does it.
 * @param keepsOctets Those above 127 stay: the report is one for UTF-8 (RFC 6533).
 */
export function plainText(text: string, maxLength: number, keepsOctets = false): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
  const clean = text.replace(/[\x00-\x20\x7f]+/g, " ");
  const trimmed = (keepsOctets ? clean : clean.replace(/[^\x20-\x7e]/g, "?")).trim();
  return trimmed.length <= maxLength ? trimmed : `${trimmed.slice(0, maxLength)}[truncated]`;
}

/** What every host takes: no octets above 127, whatever the control characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are ASCII
export const isAscii = (text: string): boolean => /^[\x00-\x7f]*$/.test(text);

/** The same as `plainText` for what may have several lines: real line ends, and `\n`, as which they stand in the texts of attempts. */
export function plainLines(text: string, maxLength: number): readonly string[] {
  const lines: string[] = [];
  let left = maxLength;
  for (const line of text.slice(0, 4 * maxLength).split(/\r?\n|\\n/)) {
    const plain = plainText(line, left);
    if (plain !== "") lines.push(plain);
    left -= plain.length;
    if (left <= 0) break;
  }
  return lines.length === 0 ? [""] : lines;
}

/**
 * A header field, folded at blanks before column 78 (RFC 5322 §2.1.1); a word longer than `HARD_LIMIT` is broken, since
 * no line may have more than 998 characters. CRLF at the end.
 *
 * @param values Lines of printable characters (`plainText`); each begins a line of the field.
 */
export function foldedField(name: string, ...values: readonly string[]): string {
  const lines: string[] = [];
  let line = `${name}:`;
  values.forEach((value, i) => {
    if (i > 0) {
      lines.push(line);
      line = "";
    }
    for (const word of value.split(" ").flatMap(pieces)) {
      if (line.length + 1 + word.length > SOFT_LIMIT && line.trim().length > 0 && line !== `${name}:`) {
        lines.push(line);
        line = "";
      }
      line += ` ${word}`;
    }
  });
  lines.push(line);
  return `${lines.filter((one) => one.trim() !== "").join("\r\n")}\r\n`;
}

const SOFT_LIMIT = 78;
const HARD_LIMIT = 900;

function pieces(word: string): string[] {
  if (word.length <= HARD_LIMIT) return word === "" ? [] : [word];
  return Array.from({ length: Math.ceil(word.length / HARD_LIMIT) }, (_, i) =>
    word.slice(i * HARD_LIMIT, (i + 1) * HARD_LIMIT),
  );
}
