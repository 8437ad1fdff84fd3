import { type HeaderField, headerFields } from "@postbus/mail";
import type { ContentChanges } from "./outgoing-content.ts";

/**
 * A header section with what is added and removed, and its blank line. What is not removed stays octet for octet as it was (Exim's
 * manual, "headers_add" and "headers_remove" of routers and transports: what they add comes last, and is not removed).
 */
export function changedHeader(section: Buffer, { top, headersRemove, headersAdd }: ContentChanges): Buffer {
  const parts: Buffer[] = top === "" ? [] : [lines(top)];
  const isRemoved = removalOf(headersRemove);
  const fields = headerFields(section);
  let from = 0;
  for (const field of fields) {
    if (!isRemoved(field)) continue;
    parts.push(section.subarray(from, field.start));
    from = field.end;
  }
  const end = fields.at(-1)?.end ?? 0;
  parts.push(section.subarray(from, end));
  // A message may end in its header section, and without a line end.
  if (end > from && section[end - 1] !== LF) parts.push(lines("\n"));
  for (const text of headersAdd) parts.push(lines(text));
  parts.push(lines("\n"));
  return Buffer.concat(parts);
}

const LF = 0x0a;

/** Which fields are meant by names, in any case; a star at the end of one stands for any end. */
export function removalOf(names: readonly string[]): (field: HeaderField) => boolean {
  const wanted = names.map((name) => name.toLowerCase());
  const beginnings = wanted.filter((name) => name.endsWith("*")).map((name) => name.slice(0, -1));
  const whole = new Set(wanted);
  return ({ name }) => whole.has(name) || beginnings.some((beginning) => name.startsWith(beginning));
}

/**
 * Lines that end in CRLF. What an expansion has brought in must not end the header section: a blank line is left out, and one that
 * begins no field goes on with the one before.
 */
function lines(text: string): Buffer {
  if (text === "\n") return Buffer.from("\r\n", "latin1");
  const [first = "", ...more] = text.split(/\r?\n/).filter((line) => line !== "");
  const folded = more.map((line) => (FIELD_OR_FOLDED.test(line) ? line : ` ${line}`));
  return Buffer.from([first, ...folded, ""].join("\r\n"), "latin1");
}

const FIELD_OR_FOLDED = /^(?:[ \t]|[!-9;-~]+[ \t]*:)/;
