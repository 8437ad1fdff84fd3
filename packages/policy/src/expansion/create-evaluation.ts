import { LookupCache, type LookupScope } from "@postbus/lookups";
import { compileItems } from "../matching/compile-items.ts";
import { subjectOf } from "../matching/subject.ts";
import { then } from "./code.ts";
import { compileExpansion } from "./compile-expansion.ts";
import { Evaluation, type Language, type Surroundings } from "./evaluation.ts";
import { textOf } from "./value.ts";

const language: Language = { compile: compileExpansion, lookupScope };

/** The state for the expansions and lists of one context. */
export function createEvaluation(around: Surroundings): Evaluation {
  return new Evaluation(around, language);
}

const scopes = new WeakMap<Evaluation, LookupScope>();

function lookupScope(evaluation: Evaluation): LookupScope {
  const known = scopes.get(evaluation);
  if (known !== undefined) return known;
  const { lookupCache, signal } = evaluation.around;
  const scope: LookupScope = {
    cache: lookupCache ?? new LookupCache(),
    expandKey: (text) => then(compileExpansion(text).run(evaluation), textOf),
    matchStringItem: (subject, item) =>
      then(compileItems("string", item).match(evaluation, subjectOf(subject)), (found) => found !== undefined),
    ...(signal === undefined ? {} : { signal }),
  };
  scopes.set(evaluation, scope);
  return scope;
}
