import type { Spool } from "@postbus/spool";
import type { MessageContent } from "./message-content.ts";

/** A line that is longer is cut into several: nobody can make us hold the whole. */
const MAX_LINE = 64 * 1024;

/**
 * The lines of the body of a message that has come, without line ends; out of the spool if it is large.
 *
 * @param headerOctets What is before the body.
 */
export async function* contentLines(
  content: Pick<MessageContent, "original">,
  spool: Pick<Spool, "read">,
  headerOctets: number,
): AsyncGenerator<string> {
  const original = await content.original();
  const pieces = original.kind === "inline" ? [original.octets] : spool.read(original, { isTransient: true });
  let toSkip = headerOctets;
  let rest = "";
  for await (const octets of pieces) {
    const skipped = Math.min(toSkip, octets.length);
    toSkip -= skipped;
    const lines = `${rest}${octets.toString("latin1", skipped)}`.split("\r\n");
    rest = lines.pop() ?? "";
    yield* lines;
    for (; rest.length > MAX_LINE; rest = rest.slice(MAX_LINE)) yield rest.slice(0, MAX_LINE);
  }
  if (rest !== "") yield rest;
}
