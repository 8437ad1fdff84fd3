import { LineCursor, nextLine, type OctetSource } from "./line-cursor.ts";
import type { MimePart } from "./walk-parts.ts";

/** What is given out of a line at one time; the rest of a longer one comes as the next. As in Exim. */
const MAX_LINE = 32_767;

/** The body of a part, line by line with LF, up to the boundary that ends it. */
export async function* bodyLines(
  source: OctetSource,
  { bodyStart, boundary }: Pick<MimePart, "bodyStart" | "boundary">,
): AsyncGenerator<string> {
  const cursor = new LineCursor(source, bodyStart);
  const end = boundary === undefined ? undefined : `--${boundary}`;
  try {
    for (;;) {
      const line = cursor.line(MAX_LINE) ?? (await nextLine(cursor, MAX_LINE));
      if (line === undefined || (end !== undefined && line.startsWith(end))) return;
      yield line;
    }
  } finally {
    await cursor.close();
  }
}
