import { then } from "../../expansion/code.ts";
import { ExpansionDefer, ExpansionFailure } from "../../expansion/failures.ts";
import { lowerCase } from "../../expansion/operators/case.ts";
import { compilePattern, firstMatch } from "../../expansion/regex-use.ts";
import { Tainted, textOf, type Value } from "../../expansion/value.ts";
import { splitList } from "../../matching/split-list.ts";
import type { AclRun } from "../acl-run.ts";
import { expandedTest } from "../test.ts";

/** `regex = list of patterns`: a line of the message matches one, or of the part that the MIME ACL is about. */
export const regex = expandedTest(async (list, run) => {
  const { content, part } = run.session.message;
  if (content === undefined) throw new ExpansionDefer("regex: no content to look at");
  const patterns = patternsOf(list, run);
  if (patterns.length === 0) return "no";
  for await (const some of part?.lines() ?? content.lines()) {
    for (const line of typeof some === "string" ? [some] : some) {
      if (run.evaluation.mustPause) await run.evaluation.pause();
      if (matches(patterns, line.slice(0, MAX_LINE_OCTETS), run)) return "yes";
    }
  }
  return "no";
});

/** `mime_regex`: the decoded beginning of the part that the MIME ACL is about, as one text. */
export const mimeRegex = expandedTest(async (list, run) => {
  const { part } = run.session.message;
  if (part === undefined) throw new ExpansionDefer("mime_regex: no part to look at");
  const patterns = patternsOf(list, run);
  const head = await part.head();
  return matches(patterns, head, run) ? "yes" : "no";
});

/** `decode = default` or a file name: the part is written out. */
export const decode = expandedTest((name, { session }) => {
  if (name instanceof Tainted) throw new ExpansionFailure(`tainted filename "${textOf(name)}" in "decode"`);
  const { part } = session.message;
  if (part === undefined) throw new ExpansionDefer("decode: no part to decode");
  return then(part.decode(name), (isDone) => (isDone ? "yes" : "no"));
});

/** Longer lines are looked at up to here, as in Exim. */
const MAX_LINE_OCTETS = 32 * 1024;

interface Pattern {
  readonly text: string;
  readonly regex: ReturnType<typeof compilePattern>;
}

/**
 * The patterns of a list. As in Exim: the last one is tried first, `false` and `0` are none, and one that cannot be
 * compiled is passed over, and logged.
 */
function patternsOf(list: Value, { session }: AclRun): Pattern[] {
  const { found } = session.message;
  found.delete("regex_match_string");
  for (let i = 1; i < 10; i++) found.delete(`regex${i}`);
  const patterns: Pattern[] = [];
  for (const text of splitList(textOf(list), typeof list === "string").items) {
    if (text === "0" || lowerCase(text) === "false") continue;
    try {
      patterns.unshift({ text, regex: compilePattern(text) });
    } catch (error) {
      if (!(error instanceof ExpansionFailure)) throw error;
      session.log(["main"], `regex acl condition warning - ${error.message}, skipped`);
    }
  }
  return patterns;
}

function matches(patterns: readonly Pattern[], text: string, { evaluation, session }: AclRun): boolean {
  const { found } = session.message;
  for (const pattern of patterns) {
    const match = firstMatch(pattern.regex, text, evaluation);
    if (match === undefined) continue;
    found.set("regex_match_string", pattern.text);
    for (let i = 1; i < 10; i++) found.set(`regex${i}`, match.groups[i] ?? "");
    return true;
  }
  return false;
}
