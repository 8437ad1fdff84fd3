import { type LookupOutcome, type LookupSpec, LookupSyntaxError, parseLookupType } from "@postbus/lookups";
import { type Branches, failBranch, succeed } from "../branches.ts";
import { type Code, type Eventual, restoring, then, values } from "../code.ts";
import type { Evaluation } from "../evaluation.ts";
import { ExpansionFailure } from "../failures.ts";
import { makeLookup } from "../make-lookup.ts";
import type { Item, Parser } from "../parser.ts";
import { derived, type Value } from "../value.ts";

/** `${lookup{key}type{file}{yes}{no}}` and `${lookup type{query}{yes}{no}}`. */
export const lookup: Item = {
  name: "lookup",
  compile(parser) {
    const key = parser.argument();
    const spec = readType(parser, key);
    const place = parser.argument();
    if (place === undefined) throw new ExpansionFailure("missing '{' for lookup file-or-query arg");
    const branches = parser.branches("lookup");
    const codes: readonly Code[] = key === undefined ? [place] : [key, place];
    return (evaluation) =>
      then(values(codes, evaluation), ([wanted = "", file]) =>
        then(makeLookup(spec, wanted, file, evaluation), (outcome) => chosen(outcome, wanted, branches, evaluation)),
      );
  },
};

function readType(parser: Parser, key: Code | undefined): LookupSpec {
  parser.source.skipBlanks();
  const written = parser.source.match(/[^{\t-\r ]*/y);
  try {
    return parseLookupType(written, key === undefined ? "query" : "single-key");
  } catch (error) {
    if (error instanceof LookupSyntaxError) throw new ExpansionFailure(error.message, { cause: error });
    throw error;
  }
}

function chosen(outcome: LookupOutcome, key: Value, branches: Branches, evaluation: Evaluation): Eventual<Value> {
  if (!outcome.found) return failBranch(branches, evaluation);
  const { captures } = evaluation;
  if (outcome.captures !== undefined) {
    evaluation.captures = [captures[0] ?? "", ...outcome.captures.map((part) => derived(key, part))];
  }
  return restoring(
    () => succeed(branches, outcome.data, evaluation),
    () => {
      evaluation.captures = captures;
    },
  );
}
