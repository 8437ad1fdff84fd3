import type { Evaluation } from "./evaluation.ts";
import { ExpansionFailure } from "./failures.ts";
import { joined, textOf, type Value } from "./value.ts";

/** A value, or the promise of one where something has to be waited for. */
export type Eventual<T> = T | Promise<T>;

/** What a piece of a string compiles to: a function of the state, or the text itself where it is the same always. */
export type Code = string | Run;
export type Run = (evaluation: Evaluation) => Eventual<Value>;

/** What a condition compiles to. */
export type TestCode = boolean | Test;
export type Test = (evaluation: Evaluation) => Eventual<boolean>;

/**
 * The longest string that an expansion may make or work on: four times what Exim inserts for a header. Without a bound
 * `${reduce…{$value$value}}` doubles until memory ends; with this one, no single step takes more than some ten milliseconds.
 */
export const MAX_OCTETS = 256 * 1024;

export function runCode(code: Code, evaluation: Evaluation): Eventual<Value> {
  return typeof code === "string" ? code : code(evaluation);
}

/** Goes on with the value at once if it is there. */
export function then<T, R>(eventual: Eventual<T>, next: (value: T) => Eventual<R>): Eventual<R> {
  return eventual instanceof Promise ? eventual.then(next) : next(eventual);
}

/** Runs `restore` when `run` is over, however it ends. */
export function restoring<T>(run: () => Eventual<T>, restore: () => void): Eventual<T> {
  let result: Eventual<T>;
  try {
    result = run();
  } catch (error) {
    restore();
    throw error;
  }
  if (result instanceof Promise) return result.finally(restore);
  restore();
  return result;
}

/** Pieces after each other. */
export function sequence(pieces: readonly Code[]): Code {
  const parts: Code[] = [];
  for (const piece of pieces) {
    const last = parts.at(-1);
    if (typeof piece === "string" && typeof last === "string") parts[parts.length - 1] = last + piece;
    else if (piece !== "") parts.push(piece);
  }
  const [first = ""] = parts;
  return parts.length < 2 ? first : concatenation(parts);
}

function concatenation(parts: readonly Code[]): Run {
  return (evaluation) => {
    let whole: Value = "";
    for (let i = 0; i < parts.length; i++) {
      const value = runCode(parts[i] ?? "", evaluation);
      if (value instanceof Promise) return rest(evaluation, parts, i, whole, value);
      whole = joined(whole, value);
    }
    return finished(evaluation, whole);
  };
}

async function rest(
  evaluation: Evaluation,
  parts: readonly Code[],
  at: number,
  before: Value,
  awaited: Promise<Value>,
): Promise<Value> {
  let whole = joined(before, await awaited);
  for (let i = at + 1; i < parts.length; i++) whole = joined(whole, await runCode(parts[i] ?? "", evaluation));
  return finished(evaluation, whole);
}

function finished(evaluation: Evaluation, whole: Value): Value {
  const { length } = textOf(whole);
  evaluation.step(length);
  checkLength(length);
  return whole;
}

/** @throws {ExpansionFailure} a string of this length is too much. */
export function checkLength(octets: number): void {
  if (octets > MAX_OCTETS) throw new ExpansionFailure(`string is longer than ${MAX_OCTETS} octets`);
}

/**
 * Before something goes through all of a string: takes the work from the budget.
 *
 * @throws {ExpansionFailure} it is too long, or the budget is used up.
 */
export function work(evaluation: Evaluation, text: string): void {
  checkLength(text.length);
  evaluation.spend(1 + (text.length >>> 2));
}

/** All of them, from left to right. */
export function values(codes: readonly Code[], evaluation: Evaluation): Eventual<Value[]> {
  const results: Value[] = [];
  for (let i = 0; i < codes.length; i++) {
    const value = runCode(codes[i] ?? "", evaluation);
    if (value instanceof Promise) return otherValues(codes, evaluation, results, value);
    results.push(value);
  }
  return results;
}

async function otherValues(
  codes: readonly Code[],
  evaluation: Evaluation,
  results: Value[],
  awaited: Promise<Value>,
): Promise<Value[]> {
  results.push(await awaited);
  while (results.length < codes.length) results.push(await runCode(codes[results.length] ?? "", evaluation));
  return results;
}

/** A function of one argument; `apply` may use the state. */
export function withValue(code: Code, apply: (value: Value, evaluation: Evaluation) => Eventual<Value>): Run {
  if (typeof code === "string") return (evaluation) => apply(code, evaluation);
  return (evaluation) => {
    const value = code(evaluation);
    return value instanceof Promise ? value.then((v) => apply(v, evaluation)) : apply(value, evaluation);
  };
}

/** A function of several arguments. */
export function withValues(
  codes: readonly Code[],
  apply: (values: readonly Value[], evaluation: Evaluation) => Eventual<Value>,
): Run {
  return (evaluation) => then(values(codes, evaluation), (all) => apply(all, evaluation));
}

/**
 * Done at load, if it can be: `attempt` is a pure function of constants. One that fails is left for the time of use, since
 * it may stand in a branch that is never taken.
 */
export function folded<T>(attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof ExpansionFailure) return undefined;
    throw error;
  }
}

/** What an item of a list costs, in steps: cutting it off and calling whatever looks at it. */
const ITEM_STEPS = 4;

/**
 * Visits one after the other, waiting where a visit has to wait, and letting others run now and then.
 *
 * @param visit True: enough seen.
 */
export function forEach<T>(
  things: Iterable<T>,
  evaluation: Evaluation,
  visit: (thing: T) => Eventual<boolean | undefined>,
): Eventual<void> {
  const iterator = things[Symbol.iterator]();
  for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
    evaluation.spend(ITEM_STEPS);
    const isEnough = visit(next.value);
    if (isEnough instanceof Promise) return otherThings(iterator, evaluation, visit, isEnough);
    if (isEnough === true) return undefined;
    if (evaluation.mustPause) return otherThings(iterator, evaluation, visit, undefined);
  }
  return undefined;
}

async function otherThings<T>(
  iterator: Iterator<T>,
  evaluation: Evaluation,
  visit: (thing: T) => Eventual<boolean | undefined>,
  awaited: Promise<boolean | undefined> | undefined,
): Promise<void> {
  let isEnough = await awaited;
  while (isEnough !== true) {
    if (evaluation.mustPause) await evaluation.pause();
    const next = iterator.next();
    if (next.done === true) return;
    evaluation.spend(ITEM_STEPS);
    isEnough = await visit(next.value);
  }
}
