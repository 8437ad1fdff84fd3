import { isUtf8 } from "node:buffer";

/** Text of a database, as the octets of its UTF-8 form. */
export function octetsOf(text: string): string {
  return /^[\0-\x7f]*$/.test(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

/** Octets as the text whose UTF-8 form they are; undefined: they are not UTF-8, and no database takes them as text. */
export function textOf(octets: string): string | undefined {
  if (/^[\0-\x7f]*$/.test(octets)) return octets;
  const buffer = Buffer.from(octets, "latin1");
  return isUtf8(buffer) ? buffer.toString("utf8") : undefined;
}
