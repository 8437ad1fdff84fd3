/** A message cut at the end of its header section. */
export interface MessageParts {
  /** With the CRLF of the last field; without the empty line. Undefined if it does not end within the limit. Ours. */
  readonly header: Buffer | undefined;
  /** The whole lines at the top, up to the limit: they may tell that the body has begun without an empty line. */
  readonly top: Buffer;
  /** The empty line, and the body behind it; to be read once. */
  rest(): AsyncIterable<Buffer> | Iterable<Buffer>;
  /** Lets go of content that is not wanted to the end. */
  discard(): Promise<void>;
}

const END_OF_HEADER = Buffer.from("\r\n\r\n");
const EMPTY_LINE = Buffer.from("\r\n");
const EMPTY = Buffer.alloc(0);

/**
 * Reads no further than to the end of the header section: most questions need nothing else.
 *
 * @param content Pieces are done with when the next one is asked for.
 * @param maxHeaderOctets What comes after that is not looked at.
 */
export async function readMessageParts(
  content: Buffer | AsyncIterable<Buffer>,
  maxHeaderOctets: number,
): Promise<MessageParts> {
  if (Buffer.isBuffer(content)) {
    const cut = cutAt(content, 0, true, maxHeaderOctets);
    const top = wholeLines(content, maxHeaderOctets);
    return { header: cut?.header, top, rest: () => [cut?.rest ?? EMPTY], discard: async () => undefined };
  }
  const chunks = content[Symbol.asyncIterator]();
  const discard = async (): Promise<void> => {
    await chunks.return?.();
  };
  const seen = new Seen();
  for (;;) {
    const next = await chunks.next();
    const lookedAt = Math.max(0, seen.octets.length - END_OF_HEADER.length);
    if (next.done !== true) seen.add(next.value);
    const { octets } = seen;
    const cut = cutAt(octets, lookedAt, next.done === true, maxHeaderOctets);
    if (cut === undefined && next.done !== true && octets.length <= maxHeaderOctets) continue;
    const top = wholeLines(octets, maxHeaderOctets);
    return { header: cut?.header, top, rest: () => following(cut?.rest ?? EMPTY, chunks), discard };
  }
}

function wholeLines(seen: Buffer, maxOctets: number): Buffer {
  const top = seen.subarray(0, maxOctets);
  return top.subarray(0, top.lastIndexOf("\n") + 1);
}

/** What has been read, in one piece that grows by doubling: each octet is copied twice, however small the chunks are. */
class Seen {
  #room: Buffer = EMPTY;
  #length = 0;

  get octets(): Buffer {
    return this.#room.subarray(0, this.#length);
  }

  add(piece: Buffer): void {
    const needed = this.#length + piece.length;
    if (needed > this.#room.length) {
      const room = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#room.length));
      this.#room.copy(room, 0, 0, this.#length);
      this.#room = room;
    }
    piece.copy(this.#room, this.#length);
    this.#length = needed;
  }
}

async function* following(first: Buffer, chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
}

/**
 * @param from Before that, there is no end.
 * @param isAll Whether nothing comes after `seen`: then a header section may end without an empty line.
 */
function cutAt(
  seen: Buffer,
  from: number,
  isAll: boolean,
  maxHeaderOctets: number,
): { readonly header: Buffer; readonly rest: Buffer } | undefined {
  if (seen.subarray(0, EMPTY_LINE.length).equals(EMPTY_LINE)) return { header: EMPTY, rest: seen };
  const end = seen.subarray(0, maxHeaderOctets).indexOf(END_OF_HEADER, from);
  if (end >= 0) {
    const cut = end + EMPTY_LINE.length;
    return { header: seen.subarray(0, cut), rest: seen.subarray(cut) };
  }
  return isAll && seen.length <= maxHeaderOctets ? { header: seen, rest: EMPTY } : undefined;
}
