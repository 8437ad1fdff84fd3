import { MAX_HEADER_OCTETS } from "./header-section.ts";

/** A message cut at the end of its header section. */
export interface MessageParts {
  /** With the CRLF of the last field; without the empty line. Undefined if it does not end within the limit. Ours. */
  readonly header: Buffer | undefined;
  /** The empty line, and the body behind it; to be read once. */
  rest(): AsyncIterable<Buffer> | Iterable<Buffer>;
  /** Lets go of content that is not wanted to the end. */
  discard(): Promise<void>;
}

const END_OF_HEADER = Buffer.from("\r\n\r\n");
const EMPTY_LINE = Buffer.from("\r\n");

/**
 * Reads no further than to the end of the header section: most questions need nothing else.
 *
 * @param content Pieces are done with when the next one is asked for.
 */
export async function readMessageParts(content: Buffer | AsyncIterable<Buffer>): Promise<MessageParts> {
  if (Buffer.isBuffer(content)) {
    const cut = cutAt(content, true);
    return { header: cut?.header, rest: () => [cut?.rest ?? Buffer.alloc(0)], discard: async () => undefined };
  }
  const chunks = content[Symbol.asyncIterator]();
  const discard = async (): Promise<void> => {
    await chunks.return?.();
  };
  let seen: Buffer = Buffer.alloc(0);
  for (;;) {
    const next = await chunks.next();
    if (next.done !== true) seen = Buffer.concat([seen, next.value]);
    const cut = cutAt(seen, next.done === true);
    if (cut === undefined && next.done !== true && seen.length <= MAX_HEADER_OCTETS) continue;
    return { header: cut?.header, rest: () => following(cut?.rest ?? Buffer.alloc(0), chunks), discard };
  }
}

async function* following(first: Buffer, chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
}

/** @param isAll Whether nothing comes after `seen`: then a header section may end without an empty line. */
function cutAt(seen: Buffer, isAll: boolean): { readonly header: Buffer; readonly rest: Buffer } | undefined {
  if (seen.subarray(0, EMPTY_LINE.length).equals(EMPTY_LINE)) return { header: Buffer.alloc(0), rest: seen };
  const end = seen.subarray(0, MAX_HEADER_OCTETS).indexOf(END_OF_HEADER);
  if (end >= 0) {
    const cut = end + EMPTY_LINE.length;
    return { header: seen.subarray(0, cut), rest: seen.subarray(cut) };
  }
  return isAll && seen.length <= MAX_HEADER_OCTETS ? { header: seen, rest: Buffer.alloc(0) } : undefined;
}
