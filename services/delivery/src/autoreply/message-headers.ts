import type { Content } from "@postbus/contracts";
import { headerFields } from "@postbus/mail";
import type { Headers } from "@postbus/policy";
import type { Spool } from "@postbus/spool";

/** Of a header section, what is read for a reply. */
const MAX_OCTETS = 256 * 1024;

/** The header section of a message, for the expansions of a transport. */
export async function messageHeaders(content: Content, spool: Pick<Spool, "read">): Promise<Headers> {
  const octets = content.kind === "inline" ? content.octets : await beginning(spool.read(content));
  const fields = headerFields(octets);
  return {
    occurrences: (name) =>
      fields
        .filter((field) => field.name === name)
        .map(({ valueStart, end }) => octets.toString("latin1", valueStart, end).replaceAll("\r\n", "\n")),
  };
}

async function beginning(content: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of content) {
    pieces.push(Buffer.from(piece));
    length += piece.length;
    if (length >= MAX_OCTETS || piece.includes("\r\n\r\n")) break;
  }
  return Buffer.concat(pieces);
}
