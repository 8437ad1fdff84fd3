import { headerFields } from "@postbus/mail";

/** What Exim finds fields by in its spool files. */
const LETTERS: ReadonlyMap<string, string> = new Map([
  ["from", "F"],
  ["to", "T"],
  ["cc", "C"],
  ["bcc", "B"],
  ["sender", "S"],
  ["reply-to", "R"],
  ["message-id", "I"],
]);
const RESENT = "resent-";

/**
 * The fields of a header section, each with its length and its letter. Of a message that was sent again, the fields of that are
 * the ones in force (RFC 5322 §3.6.6).
 *
 * @param section With CRLF.
 */
export function spoolHeaderLines(section: Buffer): string {
  const fields = headerFields(section);
  const isResent = fields.some(({ name }) => name.startsWith(RESENT));
  const lines = fields.map(({ name, start, end }) => {
    // A NUL would make the whole file one that Exim does not read.
    const text = section.toString("latin1", start, end).replace(/\r\n/g, "\n").replaceAll("\0", " ");
    const whole = text.endsWith("\n") ? text : `${text}\n`;
    return `${String(whole.length).padStart(3, "0")}${letterOf(name, isResent)} ${whole}`;
  });
  return lines.join("");
}

function letterOf(name: string, isResent: boolean): string {
  if (name === "received") return "P";
  if (!isResent) return LETTERS.get(name) ?? " ";
  return name.startsWith(RESENT) ? (LETTERS.get(name.slice(RESENT.length)) ?? " ") : " ";
}
