import { setImmediate as nextTurn } from "node:timers/promises";
import { LookupDefer } from "../lookup-defer.ts";
import type { FileLookupType, FindRequest } from "../lookup-type.ts";
import type { LineKey } from "./line.ts";
import type { LinearFile } from "./linear-file.ts";
import { type LineSearch, linearType } from "./linear-type.ts";

/** How long the patterns of one lookup may keep the process from other work. */
const MAX_TURN_MS = 10;
/** Lines between two looks at the clock. */
const LINES_PER_LOOK = 32;

type Matches = (line: LineKey, key: string, request: FindRequest) => boolean | Promise<boolean>;

/** wildlsearch and nwildlsearch: the keys of the lines are patterns, tried one after the other. */
export function patternSearch(name: string, options: { readonly expandsKeys: boolean }): FileLookupType {
  const matches: Matches = ({ key: pattern }, key, { scope }) => {
    const { matchStringItem, expandKey } = scope;
    if (matchStringItem === undefined) throw new LookupDefer(name, "patterns cannot be matched here");
    if (!options.expandsKeys || !/[\\$]/.test(pattern)) return matchStringItem(key, pattern);
    if (expandKey === undefined) throw new LookupDefer(name, "keys cannot be expanded here");
    const expanded = expandKey(pattern);
    return typeof expanded === "string"
      ? matchStringItem(key, expanded)
      : expanded.then((text) => matchStringItem(key, text));
  };
  return linearType(name, async (file): Promise<LineSearch> => {
    if (file.text === undefined) return { find: (key, request) => searchFile(file, matches, key, request) };
    const lines = file.keysInText();
    return { find: (key, request) => searchLines(lines, 0, matches, key, request) };
  });
}

/** Waits only where a pattern has to. */
function searchLines(
  lines: readonly LineKey[],
  from: number,
  matches: Matches,
  key: string,
  request: FindRequest,
): number | undefined | Promise<number | undefined> {
  const startedAtMs = performance.now();
  for (let i = from; i < lines.length; i++) {
    const line = lines[i];
    if (line === undefined) break;
    const answer = matches(line, key, request);
    if (answer === true) return line.at;
    if (answer !== false) {
      return answer.then((is) => (is ? line.at : searchLines(lines, i + 1, matches, key, request)));
    }
    if (i % LINES_PER_LOOK === 0 && performance.now() - startedAtMs > MAX_TURN_MS) {
      return nextTurn().then(() => searchLines(lines, i + 1, matches, key, request));
    }
  }
  return undefined;
}

async function searchFile(
  file: LinearFile,
  matches: Matches,
  key: string,
  request: FindRequest,
): Promise<number | undefined> {
  for await (const lines of file.keysInFile()) {
    const at = await searchLines(lines, 0, matches, key, request);
    if (at !== undefined) return at;
    request.scope.signal?.throwIfAborted();
  }
  return undefined;
}
