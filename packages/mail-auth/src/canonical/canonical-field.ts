import { trimEnd } from "@postbus/mail";
import type { Canonicalization } from "./canonicalization.ts";

/**
 * A header field as it is hashed (RFC 6376 §3.4.1, §3.4.2), with its CRLF.
 *
 * @param field From its name to its last CRLF; latin1. One that lacks the CRLF gets it.
 */
export function canonicalField(field: string, how: Canonicalization): string {
  const whole = field.endsWith("\r\n") ? field : `${field}\r\n`;
  if (how === "simple") return whole;
  const colon = whole.indexOf(":");
  const name = trimEnd(whole.slice(0, colon)).toLowerCase();
  const body = whole.slice(colon + 1).replaceAll("\r\n", "");
  return `${name}:${trimmed(body.includes("\t") || body.includes("  ") ? body.replace(BLANKS, " ") : body)}\r\n`;
}

const BLANKS = /[ \t]+/g;

/** Blanks in a row are one by now. */
function trimmed(text: string): string {
  const start = text.startsWith(" ") ? 1 : 0;
  return text.slice(start, text.length > start && text.endsWith(" ") ? -1 : undefined);
}
