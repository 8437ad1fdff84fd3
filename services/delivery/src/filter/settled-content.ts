import { randomUUID } from "node:crypto";
import { type Content, INLINE_LIMIT_OCTETS } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import type { Spool, SpoolWriter } from "@postbus/spool";
import { type OutgoingContent, outgoingStream } from "../message/outgoing-content.ts";

/** Content that is the same however often it is read. */
export interface SettledContent {
  readonly content: Content;
  /** Nobody reads it any more. Never throws: what a host has taken must not be sent again because a copy of it could not be removed. */
  release(): Promise<void>;
}

/**
 * What a filter makes of a message, for those who read it twice: it runs once. What is small stays in memory, the rest is in the
 * spool until it is released; what a crash leaves there is swept.
 *
 * @throws {LocalError} the filter has failed. @throws {DeferError} there is no room. @throws {SpoolError}
 */
export async function settledContent(
  content: OutgoingContent,
  messageId: string,
  spool: Pick<Spool, "read">,
  scratch: Pick<Spool, "create" | "remove"> | undefined,
): Promise<SettledContent> {
  const id = `${messageId}-filtered-${randomUUID()}`;
  const pieces: Buffer[] = [];
  let length = 0;
  let writer: SpoolWriter | undefined;
  try {
    for await (const piece of outgoingStream(content, spool)) {
      length += piece.length;
      if (writer === undefined && length <= INLINE_LIMIT_OCTETS) {
        // The piece may be used again for the next one.
        pieces.push(Buffer.from(piece));
        continue;
      }
      if (writer === undefined) {
        if (scratch === undefined) throw new DeferError("message", "there is no room for what a filter makes of it");
        writer = await scratch.create(id);
        for (const early of pieces.splice(0)) await writer.write(early);
      }
      await writer.write(piece);
    }
  } catch (err) {
    await writer?.abort();
    throw err;
  }
  if (writer === undefined) {
    return { content: { kind: "inline", octets: Buffer.concat(pieces) }, release: async () => undefined };
  }
  const reference = await writer.finish();
  return {
    content: { kind: "spooled", ...reference },
    release: async () => scratch?.remove(id).catch(() => undefined),
  };
}
