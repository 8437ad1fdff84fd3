import type { Bounce, BounceRecipient } from "./bounce.ts";
import { plainText } from "./plain-text.ts";

/** As Exim cuts the error texts of this part. */
const MAX_TEXT = 254;
const MAX_ADDRESS = 500;
const WIDTH = 70;

/** The part for people: what happened, to which addresses, in which words. */
export function explanation({ recipients, primaryHostname }: Bounce): string {
  const lines = [
    `This is the mail system at ${plainText(primaryHostname, MAX_ADDRESS)}.`,
    "",
    "Your message could not be delivered to the recipients below. This is final:",
    "no further attempt will be made. What was said about each of them:",
    "",
    ...recipients.flatMap(ofRecipient),
  ];
  return `${lines.join("\r\n")}\r\n`;
}

function ofRecipient({ address, host, hostAddress, text }: BounceRecipient): string[] {
  const lines = [`  ${plainText(address, MAX_ADDRESS)}`];
  if (host !== undefined) {
    const from = plainText(hostAddress === undefined ? host : `${host} [${hostAddress}]`, MAX_ADDRESS);
    lines.push(`    host ${from}`);
  }
  return [...lines, ...wrapped(plainText(text, MAX_TEXT)).map((line) => `    ${line}`), ""];
}

function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
