import type { ScanRequest } from "@postbus/contracts";

/** Characters that go with a question, beside content that may be as long: both must fit into a message of the bus, however they are written there. */
const MAX_TEXT = 96 * 1024;

/**
 * The header section for those who look into a message. One that is too long for a question is left to the content: then it is
 * seen as it came, below our own Received field.
 *
 * @param lines Each with its name, folded with LF; our own Received field is among them.
 * @param headerOctets Of the header section as it came, its blank line included.
 */
export function scannedHeader(lines: readonly string[], headerOctets: number): ScanRequest["header"] {
  const octets = lines.reduce((sum, line) => sum + line.length, 0);
  if (octets <= MAX_TEXT) return { text: `${lines.join("").replaceAll("\n", "\r\n")}\r\n`, replaces: headerOctets };
  const received = lines.find((line) => /^received:/i.test(line)) ?? "";
  return { text: received.replaceAll("\n", "\r\n"), replaces: 0 };
}
