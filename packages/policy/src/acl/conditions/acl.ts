import { trim } from "@postbus/mail";
import { type Eventual, restoring, then } from "../../expansion/code.ts";
import { compileExpansion } from "../../expansion/compile-expansion.ts";
import type { Expansion } from "../../expansion/expansion.ts";
import { ForcedFailure, failureText } from "../../expansion/failures.ts";
import type { Value } from "../../expansion/value.ts";
import { firstItem } from "../../reader/quoted-string.ts";
import type { AclRun } from "../acl-run.ts";
import { saidBy } from "../expanded.ts";
import type { TestKind } from "../test.ts";

/** As many as there are variables for them. */
const MAX_ARGUMENTS = 9;

/**
 * `acl = name argument "argument two"`: split first, then each word is expanded, so that an expansion with blanks has to
 * stand in quotes.
 */
export const acl: TestKind = {
  compile(value, { place, verb, warn }) {
    const [name = compileExpansion(""), ...words] = wordsOf(value).map(compileExpansion);
    for (const { problem } of [name, ...words]) if (problem !== undefined) warn(problem);
    return (run) =>
      then(expandAll([name, ...words], run), (all) => {
        if (all === undefined) return "error";
        const [which = "", ...args] = all;
        const { evaluation } = run;
        const before = evaluation.aclArguments;
        evaluation.aclArguments = args;
        return then(
          restoring(
            () => run.acls.callNested(which, place, run),
            () => {
              evaluation.aclArguments = before;
            },
          ),
          (outcome) => {
            if (outcome !== "discard" || verb === "accept" || verb === "discard") return outcome;
            run.log = `nested ACL returned "discard" for "${verb}" command (only allowed with "accept" or "discard")`;
            return "error";
          },
        );
      });
  },
};

/** @returns undefined: one cannot be expanded, and the run knows why. */
function expandAll(expansions: readonly Expansion[], run: AclRun): Eventual<Value[] | undefined> {
  const values: Value[] = [];
  for (let i = 0; i < expansions.length; i++) {
    const expansion = expansions[i];
    if (expansion === undefined) break;
    const value = expand(expansion, run);
    if (value instanceof Promise) return others(expansions, run, values, value);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values;
}

async function others(
  expansions: readonly Expansion[],
  run: AclRun,
  values: Value[],
  awaited: Promise<Value | undefined>,
): Promise<Value[] | undefined> {
  let value = await awaited;
  for (;;) {
    if (value === undefined) return undefined;
    values.push(value);
    const next = expansions[values.length];
    if (next === undefined) return values;
    value = await expand(next, run);
  }
}

function expand(expansion: Expansion, run: AclRun): Eventual<Value | undefined> {
  try {
    const value = expansion.run(run.evaluation);
    return value instanceof Promise ? value.catch((error: unknown) => failed(error, expansion, run)) : value;
  } catch (error) {
    return failed(error, expansion, run);
  }
}

function failed(error: unknown, { source }: Expansion, run: AclRun): undefined {
  if (!(error instanceof ForcedFailure)) saidBy(error, run);
  run.log = `failed to expand ACL string "${source}": ${failureText(error) ?? ""}`;
  return undefined;
}

/** Blanks separate, but not between double quotes. */
function wordsOf(text: string): string[] {
  const words: string[] = [];
  for (let rest = trim(text); rest !== "" && words.length <= MAX_ARGUMENTS; ) {
    const item = firstItem(rest);
    words.push(item.value);
    ({ rest } = item);
  }
  return words;
}
