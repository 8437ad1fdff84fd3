const QUOTE = '"';

/** The value of a parameter, without its quotes, and where the semicolon behind it is, or the end. */
export function parameterValue(header: string, start: number): { readonly value: string; readonly end: number } {
  let value = "";
  let at = start;
  while (at < header.length && header[at] !== ";") {
    const isQuoted = header[at] === QUOTE;
    const from = isQuoted ? at + 1 : at;
    const end = isQuoted ? found(header, QUOTE, from) : endOfPlain(header, from);
    value += header.slice(from, end);
    at = isQuoted ? Math.min(end + 1, header.length) : end;
  }
  return { value, end: at };
}

function endOfPlain(header: string, from: number): number {
  let at = from;
  while (at < header.length && header[at] !== ";" && header[at] !== QUOTE) at++;
  return at;
}

function found(header: string, what: string, from: number): number {
  const at = header.indexOf(what, from);
  return at === -1 ? header.length : at;
}
