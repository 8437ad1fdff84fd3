import { type Eventual, then } from "../expansion/code.ts";
import { compileExpansion } from "../expansion/compile-expansion.ts";
import type { Evaluation } from "../expansion/evaluation.ts";
import type { Expansion } from "../expansion/expansion.ts";
import { ExpansionDefer, ExpansionFailure, ForcedFailure } from "../expansion/failures.ts";
import { Tainted, textOf, type Value } from "../expansion/value.ts";
import { compileItems, type Items } from "./compile-items.ts";
import type { Subject } from "./item.ts";
import type { ListKind } from "./list-kind.ts";
import type { Answer } from "./matched.ts";
import { type HostSubject, subjectOf } from "./subject.ts";

/** A list of the policy, compiled; expanded and split at each use only if it holds a `$` or a `\`. */
export interface CompiledList {
  /** As written. */
  readonly source: string;
  /** Why its text cannot be expanded, if that is known at load. */
  readonly problem: string | undefined;
  /**
   * Whether the subject is in the list; the first item that matches decides.
   *
   * @param subject A host list takes the address, or a `HostSubject`.
   * @throws {DeferError} it cannot be decided: an unknown named list, a lookup that defers, an expansion that fails.
   */
  match(evaluation: Evaluation, subject: Value | HostSubject): Answer;
  matchSubject(evaluation: Evaluation, subject: Subject): Answer;
}

/** Compiles a list, once; never throws. */
export function compileList(kind: ListKind, text: string): CompiledList {
  const expansion = compileExpansion(text);
  const matchSubject = matcherOf(kind, expansion);
  return {
    source: text,
    problem: expansion.problem,
    match: (evaluation, subject) => matchSubject(evaluation, subjectOf(subject)),
    matchSubject,
  };
}

type Match = CompiledList["matchSubject"];

function matcherOf(kind: ListKind, expansion: Expansion): Match {
  if (expansion.constant !== undefined) return compileItems(kind, expansion.constant).match;
  let last: { readonly text: string; readonly isTainted: boolean; readonly items: Items } | undefined;
  const itemsOf = (value: Value): Items => {
    const text = textOf(value);
    const isTainted = value instanceof Tainted;
    if (last?.text !== text || last.isTainted !== isTainted) {
      last = { text, isTainted, items: compileItems(kind, text, { isTainted }) };
    }
    return last.items;
  };
  return (evaluation, subject) =>
    then(expanded(kind, expansion, evaluation, subject), (value) => {
      if (value === undefined) return undefined;
      evaluation.spend(textOf(value).length);
      return itemsOf(value).match(evaluation, subject);
    });
}

/** Undefined: the expansion was made to fail, so nobody is in the list. */
function expanded(
  kind: ListKind,
  expansion: Expansion,
  evaluation: Evaluation,
  subject: Subject,
): Eventual<Value | undefined> {
  const before = evaluation.listSubject;
  if (kind === "domain") evaluation.listSubject = { name: "domain", value: subject.value };
  if (kind === "localpart") evaluation.listSubject = { name: "local_part", value: subject.value };
  const restore = (): void => {
    evaluation.listSubject = before;
  };
  try {
    const value = expansion.run(evaluation);
    if (!(value instanceof Promise)) {
      restore();
      return value;
    }
    return value.catch((error: unknown) => failed(expansion, error)).finally(restore);
  } catch (error) {
    restore();
    return failed(expansion, error);
  }
}

/** @throws {ExpansionDefer} unless the failure was asked for. */
function failed(expansion: Expansion, error: unknown): undefined {
  if (error instanceof ForcedFailure) return undefined;
  if (error instanceof ExpansionFailure) {
    throw new ExpansionDefer(`failed to expand "${expansion.source}": ${error.message}`, { cause: error });
  }
  throw error;
}
