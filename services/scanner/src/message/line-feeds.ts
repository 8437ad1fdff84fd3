const CR = 0x0d;
const LF = 0x0a;

/** The same octets with LF where CRLF stood; CRs that stand alone stay. */
export async function* withLineFeeds(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  /** The last piece ended in a CR. */
  let isHeld = false;
  for await (const piece of pieces) {
    if (piece.length === 0) continue;
    // One octet more than the piece, for the CR that was held.
    const written = Buffer.allocUnsafe(piece.length + 1);
    let size = 0;
    if (isHeld && piece[0] !== LF) written[size++] = CR;
    let from = 0;
    for (let at = piece.indexOf(CR); at !== -1; at = piece.indexOf(CR, at + 1)) {
      if (at + 1 < piece.length && piece[at + 1] !== LF) continue;
      size += piece.copy(written, size, from, at);
      from = at + 1;
    }
    size += piece.copy(written, size, from);
    isHeld = piece[piece.length - 1] === CR;
    yield written.subarray(0, size);
  }
  if (isHeld) yield Buffer.of(CR);
}
