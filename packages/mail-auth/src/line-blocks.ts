const CR = 13;
const LF = 10;

/** Bounds the memory of a check; larger than a piece of content, so that most blocks hold many lines. */
const BLOCK_OCTETS = 128 * 1024;

/**
 * The same octets in blocks of whole lines, each in the memory of the one before: it holds until the next one is asked
 * for. So the library, which keeps the part of a line that a block ends with and joins it to the next block, finds
 * nothing to keep. Where it would (a line longer than a block, a CR alone before a line end), the block gets memory of
 * its own.
 *
 * @param pieces Are done with when the next one is asked for.
 */
export async function* lineBlocks(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let block: Buffer | undefined;
  let filled = 0;
  for await (const piece of pieces) {
    block ??= Buffer.allocUnsafeSlow(BLOCK_OCTETS);
    for (let at = 0; at < piece.length; ) {
      const copied = piece.copy(block, filled, at);
      at += copied;
      filled += copied;
      if (filled < block.length) continue;
      const end = wholeLines(block);
      yield end === 0 ? Buffer.from(block) : block.subarray(0, end);
      filled = end === 0 ? 0 : block.copy(block, 0, end);
    }
  }
  if (block !== undefined && filled > 0) yield block.subarray(0, filled);
}

/** Length of the lines that are whole; 0 if there is none that nobody needs to keep anything of. */
function wholeLines(block: Buffer): number {
  const end = block.lastIndexOf(LF) + 1;
  let content = end;
  while (content >= 2 && block[content - 1] === LF && block[content - 2] === CR) content -= 2;
  const last = block[content - 1];
  return last === CR || last === LF ? 0 : end;
}
