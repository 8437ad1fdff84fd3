import { textOf, type Value } from "../../expansion/value.ts";

/** A value that stands without quotes (RFC 8601 §2.2): a token, or an address, as Exim writes them; `[192.0.2.1]` as well. */
const PLAIN = /^[A-Za-z0-9!#$%&'*+\-./^_`{|}~:@[\]]+$/;
/** Octets of a value of a peer, so that a line stays below 998 (RFC 5322 §2.1.1). */
const MAX_VALUE = 320;

/** ` name=value`, the value in quotes where it is no plain word; nothing for no value. */
export function property(name: string, value: Value | undefined): string {
  const text = value === undefined ? "" : textOf(value);
  if (text === "") return "";
  const cut = text.slice(0, MAX_VALUE);
  if (PLAIN.test(cut)) return ` ${name}=${cut}`;
  return ` ${name}="${cut.replace(/[^ -~]/g, "?").replace(/["\\]/g, "\\$&")}"`;
}

/** Words for a comment: what could end it is escaped, what could end the line replaced (RFC 5322 §3.2.2). */
export const comment = (words: Value): string =>
  textOf(words)
    .slice(0, MAX_VALUE)
    .replace(/[^ -~]/g, "?")
    .replace(/[()\\]/g, "\\$&");
