import { DeferError } from "@postbus/mail";
import type { Evaluation } from "../expansion/evaluation.ts";
import { ExpansionDefer, ExpansionFailure } from "../expansion/failures.ts";
import { lowerCase } from "../expansion/operators/case.ts";
import { derived } from "../expansion/value.ts";
import { type ItemTest, type Subject, UnknownHost } from "./item.ts";
import type { Answer, Matched } from "./matched.ts";

/** What to do about an item that cannot be decided: for good (no such name), or for now (no answer). */
export interface Tolerance {
  readonly unknown: "fail" | "include" | "ignore";
  readonly defer: "defer" | "include" | "ignore";
}

export const STRICT: Tolerance = { unknown: "fail", defer: "defer" };

export interface ListItem {
  readonly isNegated: boolean;
  readonly test: ItemTest;
  readonly tolerance: Tolerance;
  /** The item is nothing but this text: neighbours of that kind are looked up all at once. */
  readonly literal?: { readonly text: string; readonly isCaseful: boolean } | undefined;
}

const YES: Matched = { data: undefined };

/**
 * Items from left to right; the first that matches decides. If none does: yes if the last item was a negated one, else no
 * (Exim specification, "Domain, host, address, and local part lists").
 */
export function matchItems(written: readonly ListItem[]): ItemTest {
  const items = merged(written);
  const otherwise = written.at(-1)?.isNegated === true ? YES : undefined;
  const from = (start: number, evaluation: Evaluation, subject: Subject): Answer => {
    for (let i = start; i < items.length; i++) {
      const item = items[i];
      if (item === undefined) break;
      if (evaluation.mustPause) return afterPause(i, evaluation, subject);
      evaluation.step();
      const found = attempt(item, evaluation, subject);
      if (found instanceof Promise) return behind(found, i, evaluation, subject);
      if (found !== NO) return found;
    }
    return otherwise;
  };
  const afterPause = async (at: number, evaluation: Evaluation, subject: Subject): Promise<Matched | undefined> => {
    await evaluation.pause();
    return from(at, evaluation, subject);
  };
  // Apart, since a loop with a closure in it makes an object for each of its turns.
  const behind = async (
    awaited: Promise<Found>,
    at: number,
    evaluation: Evaluation,
    subject: Subject,
  ): Promise<Matched | undefined> => {
    const later = await awaited;
    evaluation.spend(AWAIT_STEPS);
    return later === NO ? from(at + 1, evaluation, subject) : later;
  };
  return (evaluation, subject) => from(0, evaluation, subject);
}

/** The item does not decide. */
const NO = Symbol("no");
type Found = Matched | undefined | typeof NO;

function attempt(item: ListItem, evaluation: Evaluation, subject: Subject): Found | Promise<Found> {
  try {
    const answer = item.test(evaluation, subject);
    if (!(answer instanceof Promise)) return decision(item, answer);
    return answer.then(
      (later) => decision(item, later),
      (error: unknown) => tolerated(item, error, evaluation),
    );
  } catch (error) {
    return tolerated(item, error, evaluation);
  }
}

function decision({ isNegated }: ListItem, answer: Matched | undefined): Found {
  if (answer === undefined) return NO;
  return isNegated ? undefined : answer;
}

/** What waiting for an answer costs that is there at once, and what an exception costs. */
const AWAIT_STEPS = 20;
const ERROR_STEPS = 60;

function tolerated({ tolerance }: ListItem, thrown: unknown, evaluation: Evaluation): Found {
  evaluation.spend(ERROR_STEPS);
  const isUnknown = thrown instanceof UnknownHost;
  // What fails in a list is not decided: a pattern that is wrong, or a file that is missing, lets nobody in or keeps him out.
  const error = thrown instanceof ExpansionFailure ? new ExpansionDefer(thrown.message, { cause: thrown }) : thrown;
  if (!isUnknown && !(error instanceof DeferError)) throw error;
  const choice = isUnknown ? tolerance.unknown : tolerance.defer;
  const { around } = evaluation;
  if (choice === "ignore") return NO;
  if (choice === "include") {
    if (isUnknown) around.listEnded?.(`${thrown.message}: accepted by +include_unknown`);
    return YES;
  }
  if (!isUnknown) throw error;
  // A name that does not exist: the list fails here, whatever stands behind.
  around.listEnded?.(`list matching forced to fail: ${thrown.message}`, "unknown_in_list");
  return undefined;
}

/** Neighbours that are plain text become one item that looks in a table. */
function merged(items: readonly ListItem[]): ListItem[] {
  const result: ListItem[] = [];
  for (let i = 0; i < items.length; ) {
    const first = items[i];
    if (first === undefined) break;
    const table = new Map<string, string>();
    let end = i;
    for (let next = items[end]; next !== undefined && isLike(first, next); next = items[++end]) {
      const text = next.literal?.text ?? "";
      const key = next.literal?.isCaseful === true ? text : lowerCase(text);
      if (!table.has(key)) table.set(key, text);
    }
    result.push(end - i > 1 ? { ...first, test: tableTest(table, first.literal?.isCaseful === true) } : first);
    i = Math.max(end, i + 1);
  }
  return result;
}

const isLike = (a: ListItem, b: ListItem): boolean =>
  a.literal !== undefined &&
  b.literal !== undefined &&
  a.isNegated === b.isNegated &&
  a.literal.isCaseful === b.literal.isCaseful;

function tableTest(table: ReadonlyMap<string, string>, isCaseful: boolean): ItemTest {
  return (_evaluation, { value, text, lower }) => {
    const key = isCaseful ? text : lower;
    const data = table.get(key);
    return data === undefined ? undefined : { data, captures: [derived(value, key)] };
  };
}
