/** What Exim keeps a line of a reply to, so that it is read well with the code before it. */
const MAX_LINE = 75;
/** A line is not cut before here. */
const MIN_LINE = 35;

/** White space at the beginning of a line, and empty lines, are left out, as by Exim. */
const LINE_END = /\n[\t-\r ]*/;

/**
 * The lines of a text for a reply: as it has them, and long ones split at blanks; at the last blank behind a colon, if
 * there is one, else at the last one.
 */
export function messageLines(text: string): [string, ...string[]] {
  if (text.length <= MAX_LINE) return asLines(linesOf(text));
  const lines: string[] = [];
  for (const line of linesOf(text)) {
    let start = 0;
    for (;;) {
      const end = line.length - start <= MAX_LINE ? -1 : cutIn(line, start);
      if (end === -1) break;
      lines.push(line.slice(start, end));
      start = end + 1;
    }
    lines.push(line.slice(start));
  }
  return asLines(lines);
}

function linesOf(text: string): string[] {
  const lines = text.split(LINE_END);
  if (lines.length > 1 && lines.at(-1) === "") lines.pop();
  return lines;
}

/** Where a line that begins at `start` ends: a blank; -1: there is none. */
function cutIn(line: string, start: number): number {
  let best = -1;
  for (let at = start + MAX_LINE; at > start + MIN_LINE; at--) {
    if (line[at] !== " ") continue;
    if (line[at - 1] === ":") return at;
    if (best === -1) best = at;
  }
  return best === -1 ? line.indexOf(" ", start + MAX_LINE + 1) : best;
}

const asLines = ([first = "", ...rest]: string[]): [string, ...string[]] => [first, ...rest];
