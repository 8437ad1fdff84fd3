import { LineCursor, type OctetSource } from "./line-cursor.ts";
import type { MimePart } from "./walk-parts.ts";

/** What is given out of a line at one time; the rest of a longer one comes as the next. As in Exim. */
const MAX_LINE = 32_767;

/**
 * The body of a part, up to the boundary that ends it: its lines with LF, as many at one time as are there, since waiting
 * for each would take longer than what is done with it.
 */
export async function* bodyLines(
  source: OctetSource,
  { bodyStart, boundary }: Pick<MimePart, "bodyStart" | "boundary">,
): AsyncGenerator<readonly string[]> {
  const cursor = new LineCursor(source, bodyStart);
  const end = boundary === undefined ? undefined : `--${boundary}`;
  try {
    while (!cursor.isOver) {
      const lines: string[] = [];
      let line = cursor.line(MAX_LINE);
      for (; line !== undefined && (end === undefined || !line.startsWith(end)); line = cursor.line(MAX_LINE)) {
        lines.push(line);
      }
      if (lines.length > 0) yield lines;
      if (line !== undefined) return;
      await cursor.fill();
    }
  } finally {
    await cursor.close();
  }
}
