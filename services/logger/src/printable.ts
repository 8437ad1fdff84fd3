/**
 * Text for one line of a log: what a peer wrote can neither start a line nor hide in one.
 *
 * Control characters become `\n`, `\t`, … or `\ooo`, as Exim writes them (string_printing). Octets above ASCII are
 * left alone where they are UTF-8 (SMTPUTF8 addresses), otherwise they become `\ooo`, too.
 *
 * @param text Octets in a latin1 string; what is no octet is written as UTF-8.
 * @returns A latin1 string.
 */
export function printable(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of octets is meant
  const octets = /[^\x00-\xff]/.test(text) ? Buffer.from(text, "utf8").toString("latin1") : text;
  return octets.replace(/[\x80-\xff]+/g, highOctets).replace(/[^\x20-\x7e\x80-\xff]/g, escaped);
}

const names: Readonly<Record<string, string>> = {
  "\b": "\\b",
  "\t": "\\t",
  "\n": "\\n",
  "\v": "\\v",
  "\f": "\\f",
  "\r": "\\r",
};

const escaped = (c: string): string => names[c] ?? `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`;

/** U+0080 to U+009F are control characters of terminals. */
function highOctets(run: string): string {
  const text = Buffer.from(run, "latin1").toString("utf8");
  return /[\ufffd\x80-\x9f]/.test(text) ? run.replace(/[\x80-\xff]/g, escaped) : run;
}
