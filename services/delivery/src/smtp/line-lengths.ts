const CR = 13;
const LF = 10;

/** Lines of a message are longer than its transport takes (`message_linelength_limit`). */
export class LongLineError extends Error {
  override readonly name = "LongLineError";
  readonly longest: number;

  constructor(longest: number) {
    super(`a line of ${longest} octets`);
    this.longest = longest;
  }
}

/**
 * The longest line of a content that has one longer than `limit`, without its end; 0: it has none. Looks at one octet in each
 * line that is long enough to matter, not at each octet.
 */
export function longLine(content: Buffer, limit: number): number {
  // The end of a line is two octets.
  const window = limit + 2;
  let at = 0;
  while (content.length - at > limit) {
    const end = content.lastIndexOf(LF, Math.min(at + window, content.length) - 1);
    if (end < at) return longestLine(content, limit);
    at = end + 1;
  }
  return 0;
}

function longestLine(content: Buffer, limit: number): number {
  let longest = 0;
  for (let at = 0; at < content.length; ) {
    const found = content.indexOf(LF, at);
    const end = found === -1 ? content.length : found;
    longest = Math.max(longest, end - at - (content[end - 1] === CR && end > at ? 1 : 0));
    at = end + 1;
  }
  return longest > limit ? longest : 0;
}

/**
 * A content on its way, whose lines are measured. Behind a line that is too long nothing is given on, but its end is read.
 *
 * @throws {LongLineError} before the end, if there was one.
 */
export async function* measured(pieces: AsyncIterable<Buffer>, limit: number): AsyncGenerator<Buffer> {
  let longest = 0;
  let length = 0;
  let endsInCr = false;
  for await (const piece of pieces) {
    let at = 0;
    for (let end = piece.indexOf(LF); end !== -1; end = piece.indexOf(LF, at)) {
      const hasCr = end > at ? piece[end - 1] === CR : endsInCr && at === 0;
      longest = Math.max(longest, length + end - at - (hasCr ? 1 : 0));
      length = 0;
      endsInCr = false;
      at = end + 1;
    }
    if (at < piece.length) {
      length += piece.length - at;
      endsInCr = piece[piece.length - 1] === CR;
    }
    if (longest <= limit && length <= limit + 1) yield piece;
  }
  longest = Math.max(longest, length);
  if (longest > limit) throw new LongLineError(longest);
}
