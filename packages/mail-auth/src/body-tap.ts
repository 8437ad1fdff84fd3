const EMPTY_LINE = 2;

/**
 * The same pieces, each of which is shown as it passes.
 *
 * @param rest Behind a header section: its empty line, which is not shown, then the body.
 */
export function bodyTap(
  rest: Iterable<Buffer> | AsyncIterable<Buffer>,
  show: (piece: Buffer) => void,
): Iterable<Buffer> | AsyncIterable<Buffer> {
  let skipped = 0;
  const look = (piece: Buffer): void => {
    const start = Math.min(EMPTY_LINE - skipped, piece.length);
    skipped += start;
    if (start < piece.length) show(piece.subarray(start));
  };
  return Symbol.asyncIterator in rest ? tappedLater(rest, look) : tapped(rest, look);
}

function* tapped(rest: Iterable<Buffer>, look: (piece: Buffer) => void): Generator<Buffer> {
  for (const piece of rest) {
    look(piece);
    yield piece;
  }
}

async function* tappedLater(rest: AsyncIterable<Buffer>, look: (piece: Buffer) => void): AsyncGenerator<Buffer> {
  for await (const piece of rest) {
    look(piece);
    yield piece;
  }
}
