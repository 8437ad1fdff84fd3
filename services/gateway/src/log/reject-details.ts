/** Recipients that are shown, one a line. */
const MAX_RECIPIENTS = 5;
/** What the rejectlog has room for, about. */
const MAX_OCTETS = 8_192;

/** The letter that Exim gives a field of the header section. */
const LETTERS: ReadonlyMap<string, string> = new Map([
  ["bcc", "B"],
  ["cc", "C"],
  ["from", "F"],
  ["message-id", "I"],
  ["received", "P"],
  ["reply-to", "R"],
  ["sender", "S"],
  ["to", "T"],
]);

/**
 * What the rejectlog shows of a message that was refused (Exim's manual, "Log files"): envelope and header section, a line
 * end behind each line.
 *
 * @param lines Of the header section, folded with LF.
 */
export function rejectDetails(returnPath: string, recipients: readonly string[], lines: readonly string[]): string {
  let text = `Envelope-from: <${returnPath}>\n`;
  for (const [i, recipient] of recipients.entries()) {
    if (i === MAX_RECIPIENTS) {
      text += "    ...\n";
      break;
    }
    text += i === 0 ? `Envelope-to: <${recipient}>\n` : `    <${recipient}>\n`;
  }
  for (const line of lines) {
    if (text.length > MAX_OCTETS) break;
    const name = line.slice(0, line.indexOf(":")).trim().toLowerCase();
    text += `${LETTERS.get(name) ?? " "} ${line.endsWith("\n") ? line : `${line}\n`}`;
  }
  return text.slice(0, MAX_OCTETS * 2);
}
