import {
  compileRegex,
  type Regex,
  RegexError,
  RegexLimitError,
  type RegexMatch,
  type RegexOptions,
} from "@postbus/regex";
import { type Code, type Eventual, then } from "./code.ts";
import type { Evaluation } from "./evaluation.ts";
import { ExpansionFailure } from "./failures.ts";
import { derived, textOf, type Value } from "./value.ts";

/** @throws {ExpansionFailure} it is no regular expression. */
export function compilePattern(pattern: string, options?: RegexOptions): Regex {
  return asFailure(() => compileRegex(pattern, options));
}

/** A pattern as an argument: one that is known at load is compiled once, at its first use. */
export function patternOf(code: Code): (evaluation: Evaluation) => Eventual<Regex> {
  if (typeof code !== "string") return (evaluation) => then(code(evaluation), (value) => compilePattern(textOf(value)));
  let compiled: Regex | undefined;
  return () => {
    compiled ??= compilePattern(code);
    return compiled;
  };
}

/** The first match. What it costs is taken from the budget of the expansion. */
export function firstMatch(regex: Regex, subject: string, evaluation: Evaluation): RegexMatch | undefined {
  const match = asFailure(() => regex.exec(subject));
  evaluation.spend(costOf(regex, subject));
  return match;
}

/** All matches from left to right, found as they are asked for. */
export function* allMatches(regex: Regex, subject: string, evaluation: Evaluation): Generator<RegexMatch> {
  const matches = regex.matchAll(subject)[Symbol.iterator]();
  evaluation.step(subject.length);
  for (;;) {
    const next = asFailure(() => matches.next());
    evaluation.spend(costOf(regex, ""));
    if (next.done === true) return;
    yield next.value;
  }
}

/** A step of the expansion is 50 ns, one of the engine 4 to 10; the subject is copied. Clocks have no say: a busy machine refuses nothing. */
const costOf = ({ stepsTaken }: Regex, subject: string): number =>
  1 + (subject.length >>> 6) + Math.ceil(stepsTaken / ENGINE_STEPS_PER_STEP);
const ENGINE_STEPS_PER_STEP = 8;

/** `$0`, `$1`, … of a match, as tainted as what was matched; groups that took no part are empty. */
export function capturesOf(match: RegexMatch, subject: Value): Value[] {
  return match.groups.map((group) => derived(subject, group ?? ""));
}

function asFailure<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof RegexError || error instanceof RegexLimitError) {
      throw new ExpansionFailure(error.message, { cause: error });
    }
    throw error;
  }
}
