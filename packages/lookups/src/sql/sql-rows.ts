/** Rows as a database gives them: octet strings; undefined: NULL that has no text. */
export interface SqlRows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | undefined)[])[];
}

/**
 * Rows as Exim gives them: one column bare; several as `name=value ` each with a blank behind it; rows on lines of their
 * own (Exim's manual, "Special MySQL features" and around it).
 *
 * @returns undefined: no rows, or nothing but NULL in the only column.
 */
export function sqlData({ columns, rows }: SqlRows): string | undefined {
  let data: string | undefined;
  for (const row of rows) {
    const text = columns.length === 1 ? row[0] : fields(columns, row);
    // As in Exim a NULL before the first text is not even an empty line.
    if (data !== undefined) data += `\n${text ?? ""}`;
    else data = text;
  }
  return data;
}

const fields = (columns: readonly string[], row: readonly (string | undefined)[]): string =>
  columns.map((name, i) => `${name}=${quoted(row[i] ?? "")} `).join("");

/** In quotes where the value would not be read as one word: what `${extract{name}{...}}` undoes. */
const quoted = (value: string): string =>
  value === "" || value.startsWith('"') || /[ \t\r\n]/.test(value) ? `"${value.replace(/["\\]/g, "\\$&")}"` : value;
