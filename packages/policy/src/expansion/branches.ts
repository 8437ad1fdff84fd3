import { type Code, type Eventual, restoring, runCode } from "./code.ts";
import type { Evaluation } from "./evaluation.ts";
import { ExpansionFailure, ForcedFailure } from "./failures.ts";
import { NAME, type Source } from "./source.ts";
import type { Value } from "./value.ts";

/** What an item gives when it succeeds and when it does not. */
export interface Branches {
  readonly item: string;
  /** Undefined: `true` for `if`, else what was found. */
  readonly yes: Code | undefined;
  readonly no: Code | undefined;
  /** The word `fail` stands in place of the second string. */
  readonly mustFail: boolean;
}

/** Reads `{yes}{no}`, `{yes}fail`, `{yes}` or nothing, and the closing brace. */
export function readBranches(source: Source, item: string, argument: () => Code | undefined): Branches {
  source.skipBlanks();
  if (source.take("}")) return { item, yes: undefined, no: undefined, mustFail: false };
  const yes = argument();
  if (yes === undefined) throw misplaced(source, "'yes' part did not start with '{'");
  const no = argument();
  source.skipBlanks();
  let mustFail = false;
  if (no === undefined && source.peek() !== "}") {
    const start = source.at;
    if (source.match(NAME) !== "fail") {
      source.at = start;
      throw new ExpansionFailure(`syntax error in "${item}" item - "fail" expected`);
    }
    mustFail = true;
    source.skipBlanks();
  }
  if (!source.take("}")) throw misplaced(source, `did not close with '}'${mustFail ? " after forcefail" : ""}`);
  return { item, yes, no, mustFail };
}

function misplaced(source: Source, what: string): ExpansionFailure {
  return new ExpansionFailure(
    `curly-bracket problem in conditional yes/no parsing: ${what}\n remaining string is '${source.rest}'`,
  );
}

/** The "yes" string, with `$value` set to what was found. */
export function succeed(branches: Branches, found: Value, evaluation: Evaluation): Eventual<Value> {
  const { yes } = branches;
  if (yes === undefined) return found;
  if (typeof yes === "string") return yes;
  const { value } = evaluation;
  evaluation.value = found;
  return restoring(
    () => yes(evaluation),
    () => {
      evaluation.value = value;
    },
  );
}

/** The "no" string. @throws {ForcedFailure} it is the word `fail`. */
export function failBranch(branches: Branches, evaluation: Evaluation): Eventual<Value> {
  if (branches.mustFail) throw new ForcedFailure(branches.item);
  return branches.no === undefined ? "" : runCode(branches.no, evaluation);
}
