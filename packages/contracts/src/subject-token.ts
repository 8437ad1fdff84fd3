import { createHash } from "node:crypto";

/** Longer tokens are replaced by a hash: NATS bounds a subject, and a peer must not bound us. */
const MAX_TOKEN = 120;

/**
 * Any word as one token of a subject. `.` becomes `_` (a domain is one token); what has a meaning in a subject or
 * could break out of a header line (blanks, `*`, `>`, control characters, non-ASCII) becomes `=` and two hex digits.
 */
export function subjectToken(word: string): string {
  const plain = word
    .toLowerCase()
    .replace(/[^a-z0-9_.-]/g, (c) => `=${(c.charCodeAt(0) & 0xff).toString(16).padStart(2, "0")}`);
  const token = plain.replaceAll(".", "_");
  if (token.length === 0) return "=";
  if (token.length <= MAX_TOKEN) return token;
  return `=h${createHash("sha256").update(word).digest("hex").slice(0, 40)}`;
}
