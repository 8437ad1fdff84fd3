import type { SmtpAcls } from "@postbus/policy";

/**
 * Our trace field as `received_header_text` has it, with the time behind it, folded with CRLF; empty: there is none, for
 * the option gives nothing.
 *
 * @param note Told what the option gives, if that is no field.
 */
export async function ownReceived(
  text: string,
  acls: Pick<SmtpAcls, "text">,
  date: string,
  note: (text: string) => void,
): Promise<string> {
  const expanded = await acls.text(text);
  // Clients have chosen parts of it: no line of it may end the header section, or be a field of its own.
  const [first = "", ...rest] = expanded.split(/[\r\n]+/).filter((line) => /[^ \t]/.test(line));
  if (first === "") return "";
  if (!/^[!-9;-~]+:/.test(first)) {
    note(`received_header_text gives no header field: ${first.slice(0, 100)}`);
    return "";
  }
  const lines = [first, ...rest.map((line) => (/^[ \t]/.test(line) ? line : `\t${line}`))];
  return `${lines.join("\r\n")};\r\n\t${date}\r\n`;
}
