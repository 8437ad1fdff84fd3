import { ExpansionFailure } from "./failures.ts";
import type { Source } from "./source.ts";

const CONTROL: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

/**
 * What a backslash and what follows it stand for; `source` is at the backslash. `\N…\N` is copied as it is.
 *
 * @throws {ExpansionFailure} a backslash at the end, or a NUL: it would end the string in Exim, and hides what follows.
 */
export function readEscape(source: Source): string {
  source.at++;
  const c = source.peek();
  if (c === "") throw new ExpansionFailure("\\ at end of string");
  if (c === "N") return verbatim(source);
  const octal = source.match(/[0-7]{1,3}/y);
  if (octal !== "") return octet(Number.parseInt(octal, 8));
  source.at++;
  if (c === "x") return octet(Number.parseInt(source.match(/[0-9A-Fa-f]{0,2}/y) || "0", 16));
  return CONTROL[c] ?? c;
}

function verbatim(source: Source): string {
  const start = source.at + 1;
  const end = source.text.indexOf("\\N", start);
  source.at = end === -1 ? source.text.length : end + 2;
  return source.text.slice(start, end === -1 ? undefined : end);
}

function octet(code: number): string {
  if ((code & 0xff) === 0) throw new ExpansionFailure("a zero octet is not allowed in a string");
  return String.fromCharCode(code & 0xff);
}
