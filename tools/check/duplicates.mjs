import { sourceFiles } from "./source-files.mjs";

/** So many lines in a row that say something, written twice, are one too many. */
const MIN_LINES = 10;

/** Fewer letters in those lines are the shape of the language, not a copy. */
const MIN_LETTERS = 250;

/** Passages of the program that stand in it twice: `a.ts:10-24 = b.ts:3-17`. Tests may repeat themselves. */
export function duplicates(root) {
  const files = sourceFiles(root, "{packages,services}/*/src/**/*.ts", "{bench,tools}/**/*.{ts,mjs}").map(
    meaningfulLines,
  );
  const firstSeen = new Map();
  const found = [];
  for (const file of files) {
    let last;
    for (let at = 0; at + MIN_LINES <= file.lines.length; at++) {
      const window = file.lines.slice(at, at + MIN_LINES);
      const key = window.map(({ text }) => text).join("\n");
      if (key.length < MIN_LETTERS) continue;
      const first = firstSeen.get(key);
      if (first === undefined) {
        firstSeen.set(key, { file, at });
        continue;
      }
      if (first.file === file && at < first.at + MIN_LINES) continue;
      // The next window of the same passage makes the passage longer.
      if (
        last?.first.file === first.file &&
        last.firstEnd === first.at + MIN_LINES - 1 &&
        last.end === at + MIN_LINES - 1
      ) {
        last.firstEnd++;
        last.end++;
      } else {
        last = { first, file, at, firstEnd: first.at + MIN_LINES, end: at + MIN_LINES };
        found.push(last);
      }
    }
  }
  return found.map(
    ({ first, file, at, firstEnd, end }) => `${place(first.file, first.at, firstEnd)} = ${place(file, at, end)}`,
  );
}

const place = ({ file, lines }, from, end) => `${file}:${lines[from].number}-${lines[end - 1].number}`;

/** Without imports, comments, blank lines and lone brackets, blanks at both ends cut. */
function meaningfulLines({ file, lines }) {
  const kept = [];
  let isComment = false;
  let isImport = false;
  for (const [index, line] of lines.entries()) {
    const text = line.trim();
    if (text.startsWith("/*")) isComment = true;
    if (/^(import|export) (type )?\{/.test(text)) isImport = true;
    const says = !isComment && !isImport && !text.startsWith("//") && !/^import\b/.test(text) && /[A-Za-z]/.test(text);
    if (says) kept.push({ text, number: index + 1 });
    if (text.endsWith("*/")) isComment = false;
    if (text.includes("}") || text.endsWith(";")) isImport = false;
  }
  return { file, lines: kept };
}
