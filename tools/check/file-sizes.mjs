import { sourceFiles } from "./source-files.mjs";

/** Beyond it, the comment at the head of the file says why it is one thing (a state machine or a table may be). */
const MAX_LINES = 400;

/** So many lines from the top count as the head. */
const HEAD_LINES = 30;

export function fileSizes(root) {
  return sourceFiles(root, "{packages,services}/*/src/**/*.ts", "{test,bench,tools}/**/*.{ts,mjs}")
    .filter(({ lines }) => lines.length > MAX_LINES && !saysWhyItIsLong(lines))
    .map(
      ({ file, lines }) =>
        `${file}: ${lines.length} lines; look for a second subject, or say at the head "One file because …"`,
    );
}

const saysWhyItIsLong = (lines) =>
  lines.slice(0, HEAD_LINES).some((line) => /^\s*(\/\/|\*|\/\*).*\bone file because\b/i.test(line));
