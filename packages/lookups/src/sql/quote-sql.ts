const LETTERS: Readonly<Record<string, string>> = { "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b" };

/** `${quote_mysql:...}`: for a string in either kind of quotes. */
export const quoteMysql = (text: string): string =>
  text.replace(/['"\\]/g, "\\$&").replace(/[\n\t\r\b]/g, (character) => LETTERS[character] ?? "");

/**
 * `${quote_pgsql:...}`: for a string in single quotes. Made for `E'...'`; in a plain one today's servers keep the backslashes
 * as they are, so that what was quoted has them twice, here as with Exim.
 */
export const quotePgsql = (text: string): string =>
  text
    .replace(/["\\]/g, "\\$&")
    .replaceAll("'", "''")
    .replace(/[\n\t\r\b]/g, (character) => LETTERS[character] ?? "");

/** `${quote_sqlite:...}`. */
export const quoteSqlite = (text: string): string => text.replaceAll("'", "''");
