/** A command for the log: peers write it. */
export const printable = (text: string): string => text.slice(0, 200).replace(/[^ -~]/g, "?");

/** As it came, but for its verb and its end: `VRFY <a@b>`. */
export function commandText(commandLine: string): string {
  const [verb = "", argument = ""] = /^(\S+) *(.*)$/.exec(commandLine)?.slice(1) ?? [];
  return printable(`${verb.toUpperCase()} ${argument}`.trimEnd());
}

/** What MAIL or RCPT names, as it came and without parameters. */
export function pathText(commandLine: string): string {
  const argument = argumentOf(commandLine);
  const path = /^<(?:[^">]|"(?:[^"\\]|\\.)*")*>|^\S+/.exec(argument)?.[0] ?? argument;
  return printable(path);
}

/** Of a MAIL whose AUTH= was looked at: what comes behind it is left out, as by Exim. */
export function speaksForText(commandLine: string): string {
  const argument = argumentOf(commandLine);
  return `MAILAUTH ${printable(/^.* AUTH=\S+/i.exec(argument)?.[0] ?? argument)}`;
}

/** Behind `MAIL FROM:`. */
const argumentOf = (commandLine: string): string => commandLine.replace(/^[^:]*: */, "");
