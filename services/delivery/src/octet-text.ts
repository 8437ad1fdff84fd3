import { isUtf8 } from "node:buffer";

/**
 * A policy's strings are octets, Node's are text that the operating system gets as UTF-8; octets that are no UTF-8 are left to it one
 * by one. C strings end at the first NUL.
 */
export function octetText(octets: string): string {
  const end = octets.indexOf("\0");
  const text = Buffer.from(end < 0 ? octets : octets.slice(0, end), "latin1");
  return isUtf8(text) ? text.toString("utf8") : text.toString("latin1");
}
