import type { Content } from "@postbus/contracts";
import type { Spool } from "@postbus/spool";

/**
 * The octets of a message's content, for somebody who is done with each piece before asking for the next.
 *
 * @returns A generator that throws `SpoolError` before its last piece if what was stored is not what is there.
 */
export function readContent(content: Content, spool: Pick<Spool, "read">): Buffer | AsyncIterable<Buffer> {
  return content.kind === "inline" ? content.octets : spool.read(content, { isTransient: true });
}
