import { DeferError } from "@postbus/mail";
import { type Eventual, then } from "../../expansion/code.ts";
import { ExpansionDefer, ExpansionFailure } from "../../expansion/failures.ts";
import { compilePattern, firstMatch } from "../../expansion/regex-use.ts";
import { Tainted, textOf, type Value } from "../../expansion/value.ts";
import { splitList } from "../../matching/split-list.ts";
import type { AclRun } from "../acl-run.ts";
import { factOf } from "../ask-fact.ts";
import type { Fact, FactName } from "../facts.ts";
import type { Said } from "../outcome.ts";
import { expandedTest, type TestKind } from "../test.ts";

interface ScanRequest {
  readonly argument: string;
  readonly toleratesDefer: boolean;
}

/** `argument/defer_ok/tmo=time` */
function readRequest(value: Value): ScanRequest {
  const [argument = "", ...options] = splitList(`</${textOf(value)}`).items;
  return { argument, toleratesDefer: options.includes("defer_ok") };
}

/** A question to a scanner; with `defer_ok`, no answer counts as "no". */
function scanTest(name: FactName, isTrue: (fact: Fact, argument: string) => Said): TestKind {
  return expandedTest((value, run) => {
    const { argument, toleratesDefer } = readRequest(value);
    const tolerated = (error: unknown): Said => {
      if (!toleratesDefer || !(error instanceof DeferError)) throw error;
      run.note = error.message;
      return "no";
    };
    try {
      const said = then(factOf(name, argument, run), (fact) => isTrue(fact, argument));
      return said instanceof Promise ? said.catch(tolerated) : said;
    } catch (error) {
      return tolerated(error);
    }
  });
}

/** `dcc = *`: the Distributed Checksum Clearinghouses take the message for no bulk. */
export const dcc = scanTest("dcc", ({ result }) => {
  if (result === "defer") throw new ExpansionDefer("dcc: temporary failure");
  return result === "accept" ? "yes" : "no";
});

/** `malware = *`, or a list of patterns for the name of what was found. */
export const malware = scanTest("malware", ({ result }, argument) => {
  if (result === "") return "no";
  return argument === "*" || /^(?:true|1)$/i.test(argument) || compilePattern(argument).exec(result) !== undefined
    ? "yes"
    : "no";
});

/** `spam = user`: above its threshold. `user:true` is always true. */
export const spam = scanTest("spam", ({ result }, argument) =>
  result === "spam" || argument.endsWith(":true") ? "yes" : "no",
);

/** `regex = list of patterns`: a line of the message matches one. */
export const regex = expandedTest((list, run) => matchLines(list, run));

/** `mime_regex`: the same for the part that the MIME ACL is about. */
export const mimeRegex = expandedTest((list, run) => matchLines(list, run));

/** `decode = default` or a file name: the part is written out. */
export const decode = expandedTest((name, { session }) => {
  if (name instanceof Tainted) throw new ExpansionFailure(`tainted filename "${textOf(name)}" in "decode"`);
  const { decode } = session.hooks;
  if (decode === undefined) throw new ExpansionDefer("decode: not available here");
  return then(decode(name), (isDone) => (isDone ? "yes" : "no"));
});

/** Longer lines are looked at up to here, as in Exim. */
const MAX_LINE_OCTETS = 32 * 1024;

function matchLines(list: Value, run: AclRun): Eventual<Said> {
  const { content, found } = run.session.message;
  if (content === undefined) throw new ExpansionDefer("regex: no content to look at");
  const patterns = [...splitList(textOf(list), typeof list === "string").items].map((item) => ({
    text: item,
    regex: compilePattern(item),
  }));
  return (async () => {
    for await (const line of content.lines()) {
      if (run.evaluation.mustPause) await run.evaluation.pause();
      for (const { text, regex: pattern } of patterns) {
        const match = firstMatch(pattern, line.slice(0, MAX_LINE_OCTETS), run.evaluation);
        if (match === undefined) continue;
        found.set("regex_match_string", text);
        for (let i = 1; i < 10; i++) found.set(`regex${i}`, match.groups[i] ?? "");
        return "yes";
      }
    }
    return "no";
  })();
}
