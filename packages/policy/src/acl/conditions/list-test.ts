import { Tainted, type Value } from "../../expansion/value.ts";
import { compileList } from "../../matching/compile-list.ts";
import type { ListKind } from "../../matching/list-kind.ts";
import type { Matched } from "../../matching/matched.ts";
import type { HostSubject } from "../../matching/subject.ts";
import type { AclRun } from "../acl-run.ts";
import type { Said } from "../outcome.ts";
import type { TestKind } from "../test.ts";

export interface ListTestOptions {
  readonly kind: ListKind;
  /** Undefined: nobody is in any list. */
  subject(run: AclRun): Value | HostSubject | undefined;
  /** What a match leaves behind: variables. */
  onMatch?(matched: Matched, run: AclRun): void;
  /**
   * What becomes of `$0`, `$1`…: `set`: the subject and what the match has captured, nothing without a match; `clear`:
   * nothing after a match; `keep`: what they were. As in Exim.
   */
  readonly captures: "set" | "clear" | "keep";
}

/** A condition whose value is a list, expanded while it is matched. */
export function listTest({ kind, subject, onMatch, captures }: ListTestOptions): TestKind {
  return {
    compile(value, { warn }) {
      const list = compileList(kind, value);
      if (list.problem !== undefined) warn(list.problem);
      const decided = (asked: Value | HostSubject, matched: Matched | undefined, run: AclRun): Said => {
        setCaptures(captures, asked, matched, run);
        if (matched === undefined) return "no";
        onMatch?.(matched, run);
        return "yes";
      };
      return (run) => {
        const asked = subject(run);
        if (asked === undefined) return "no";
        const matched = list.match(run.evaluation, asked);
        return matched instanceof Promise
          ? matched.then((later) => decided(asked, later, run))
          : decided(asked, matched, run);
      };
    },
  };
}

function setCaptures(
  rule: ListTestOptions["captures"],
  subject: Value | HostSubject,
  matched: Matched | undefined,
  { evaluation }: AclRun,
): void {
  if (rule === "keep" || (rule === "clear" && matched === undefined)) return;
  const found = rule === "set" ? matched?.captures : undefined;
  const isText = typeof subject === "string" || subject instanceof Tainted;
  evaluation.captures = found === undefined || !isText ? [] : [subject, ...found.slice(1)];
}
