import { DeferError, headerSectionEnd } from "@postbus/mail";

/** A header section that is longer than this is not held in memory; a gateway takes one of a megabyte, unless it is told otherwise. */
const MAX_HEADER_OCTETS = 16 * 1024 * 1024;

export interface SplitContent {
  readonly header: Buffer;
  /** What stands behind the blank line; each piece holds until the next is asked for. */
  readonly body: AsyncIterable<Buffer>;
}

/** Takes a message apart. @throws {DeferError} its header section is too long. */
export async function splitContent(content: Buffer | AsyncIterable<Buffer>): Promise<SplitContent> {
  if (Buffer.isBuffer(content)) return partsOf(content, undefined);
  const pieces = content[Symbol.asyncIterator]();
  let begun = Buffer.alloc(0);
  for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) {
    begun = Buffer.concat([begun, next.value]);
    // Whole lines only: the next piece may go on with a field.
    if (begun.includes("\r\n\r\n") || begun.indexOf("\r\n") === 0) return partsOf(begun, pieces);
    if (begun.length > MAX_HEADER_OCTETS) throw new DeferError("message", "the header section is too long");
  }
  return partsOf(begun, undefined);
}

function partsOf(begun: Buffer, rest: AsyncIterator<Buffer> | undefined): SplitContent {
  const end = headerSectionEnd(begun);
  return { header: begun.subarray(0, end), body: bodyOf(begun.subarray(end), rest) };
}

async function* bodyOf(first: Buffer, rest: AsyncIterator<Buffer> | undefined): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first;
  if (rest === undefined) return;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
