import { headerFields } from "@postbus/mail";
import { removalOf } from "./changed-header.ts";

/**
 * A header section with those of its lines rewritten that are to leave us; the others stay octet for octet as they were.
 *
 * @param headersRemove Names of those that are taken out behind this: nobody is asked about them.
 * @param rewrite A line, folded with LF. Undefined: it stays.
 */
export async function rewrittenSection(
  section: Buffer,
  headersRemove: readonly string[],
  rewrite: (line: string) => Promise<string | undefined>,
): Promise<Buffer> {
  const isRemoved = removalOf(headersRemove);
  const parts: Buffer[] = [];
  let from = 0;
  for (const field of headerFields(section)) {
    if (isRemoved(field)) continue;
    const line = section.toString("latin1", field.start, field.end).replaceAll("\r\n", "\n");
    const rewritten = await rewrite(line);
    if (rewritten === undefined) continue;
    parts.push(section.subarray(from, field.start), Buffer.from(wireLines(rewritten), "latin1"));
    from = field.end;
  }
  return parts.length === 0 ? section : Buffer.concat([...parts, section.subarray(from)]);
}

/** What an expansion has brought in must not end the field: behind each line end stands a blank. */
const wireLines = (text: string): string =>
  `${text.trimEnd().replace(/[\r\n]+([ \t]?)/g, (_, blank) => `\r\n${blank || " "}`)}\r\n`;
