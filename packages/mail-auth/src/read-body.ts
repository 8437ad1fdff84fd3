const EMPTY_LINE = 2;

/**
 * Reads a body to its end.
 *
 * @param rest Behind a header section: its empty line, which is not shown, then the body.
 * @param show Done with a piece when it returns.
 */
export async function readBody(
  rest: Iterable<Buffer> | AsyncIterable<Buffer>,
  show: (piece: Buffer) => void,
): Promise<void> {
  let skipped = 0;
  const look = (piece: Buffer): void => {
    const start = Math.min(EMPTY_LINE - skipped, piece.length);
    skipped += start;
    if (start < piece.length) show(start === 0 ? piece : piece.subarray(start));
  };
  if (Symbol.asyncIterator in rest) for await (const piece of rest) look(piece);
  else for (const piece of rest) look(piece);
}
