import { type Code, type Eventual, folded, runCode, type TestCode, then } from "./code.ts";
import type { Evaluation } from "./evaluation.ts";
import { ExpansionFailure } from "./failures.ts";
import type { Parser } from "./parser.ts";
import { textOf, type Value } from "./value.ts";

/** A condition on one string that depends on nothing else; decided at load where the string is known. */
export function ofOne(parser: Parser, name: string, isTrue: (text: string) => boolean): TestCode {
  const code = first(parser, name);
  const known = typeof code === "string" ? folded(() => isTrue(code)) : undefined;
  if (known !== undefined) return known;
  return (evaluation) => then(runCode(code, evaluation), (value) => isTrue(textOf(value)));
}

/** A condition on two strings that depends on nothing else. */
export function ofTwo(parser: Parser, name: string, isTrue: (a: string, b: string) => boolean): TestCode {
  const [a, b] = both(parser, name);
  const known = typeof a === "string" && typeof b === "string" ? folded(() => isTrue(a, b)) : undefined;
  if (known !== undefined) return known;
  return (evaluation) => {
    const x = runCode(a, evaluation);
    if (x instanceof Promise) return x.then((v) => then(runCode(b, evaluation), (w) => isTrue(textOf(v), textOf(w))));
    const y = runCode(b, evaluation);
    if (y instanceof Promise) return y.then((w) => isTrue(textOf(x), textOf(w)));
    return isTrue(textOf(x), textOf(y));
  };
}

/** A condition that does more than compare. */
export function withTwo(
  codes: readonly [Code, Code],
  test: (a: Value, b: Value, evaluation: Evaluation) => Eventual<boolean>,
): (evaluation: Evaluation) => Eventual<boolean> {
  const [a, b] = codes;
  return (evaluation) =>
    then(runCode(a, evaluation), (x) => then(runCode(b, evaluation), (y) => test(x, y, evaluation)));
}

/** The argument of a condition. @throws {ExpansionFailure} it is missing. */
export function first(parser: Parser, name: string): Code {
  const code = parser.argument();
  if (code === undefined) throw new ExpansionFailure(`missing { after "${name}"`);
  return code;
}

/** Both arguments of a condition. @throws {ExpansionFailure} one is missing. */
export function both(parser: Parser, name: string): [Code, Code] {
  const a = first(parser, name);
  const b = parser.argument();
  if (b === undefined) throw new ExpansionFailure(`missing 2nd string in {} after "${name}"`);
  return [a, b];
}
