import { type Code, checkLength, type Eventual, folded, withValue, work } from "./code.ts";
import type { Evaluation } from "./evaluation.ts";
import { ExpansionFailure } from "./failures.ts";
import { derived, textOf, type Value } from "./value.ts";

/**
 * `${name:subject}` or `${name_argument:subject}`: one string in, one string out, no access to anything else. The result
 * is as tainted as the subject.
 */
export interface PureOperator {
  readonly name: string;
  /** `${name_argument:…}` may be written. */
  readonly takesArgument?: true;
  /** Where it takes much longer than copying: taken from the budget, so that no subject stalls the service. */
  readonly stepsPerOctet?: number;
  /**
   * @param argument What stands behind the name and an underscore.
   * @throws {ExpansionFailure} with Exim's wording, because configurations and their authors match on it.
   */
  apply(subject: string, argument: string | undefined): string;
}

/** An operator whose result depends on more than its subject. */
export interface StateOperator {
  readonly name: string;
  /** `${name_argument:…}` may be written. */
  readonly takesArgument?: true;
  readonly stepsPerOctet?: number;
  run(subject: Value, argument: string | undefined, evaluation: Evaluation): Eventual<Value>;
}

export type Operator = PureOperator | StateOperator;
export type Operators = ReadonlyMap<string, Operator>;

/** Compiles a use of an operator; `subject` reads what stands behind the colon. */
export function operatorCode(written: string, subject: () => Code, operators: Operators): Code {
  const { operator, argument } = chosen(written, operators);
  const code = subject();
  if ("run" in operator) {
    return withValue(code, (value, evaluation) => {
      charge(operator, textOf(value), evaluation);
      return operator.run(value, argument, evaluation);
    });
  }
  if (typeof code === "string") {
    const known = folded(() => operator.apply(code, argument));
    if (known !== undefined) return known;
  }
  return withValue(code, (value, evaluation) => {
    const text = textOf(value);
    charge(operator, text, evaluation);
    if (evaluation.mustPause) return evaluation.pause().then(() => applied(operator, value, text, argument));
    return applied(operator, value, text, argument);
  });
}

function charge({ stepsPerOctet }: Operator, text: string, evaluation: Evaluation): void {
  work(evaluation, text);
  if (stepsPerOctet !== undefined) evaluation.spend(text.length * stepsPerOctet);
}

function applied(operator: PureOperator, value: Value, text: string, argument: string | undefined): Value {
  const result = operator.apply(text, argument);
  checkLength(result.length);
  return derived(value, result);
}

/** Names may hold underscores (`reverse_ip`), so the longest that is known counts. */
function chosen(written: string, operators: Operators): { operator: Operator; argument: string | undefined } {
  const whole = operators.get(written);
  if (whole !== undefined) return { operator: whole, argument: undefined };
  if (written.length > MAX_NAME) throw new ExpansionFailure("operator name is too long");
  for (let at = written.lastIndexOf("_"); at > 0; at = written.lastIndexOf("_", at - 1)) {
    const operator = operators.get(written.slice(0, at));
    if (operator?.takesArgument === true) return { operator, argument: written.slice(at + 1) };
    if (operator !== undefined) {
      throw new ExpansionFailure(`unknown expansion operator "${written}" ("${operator.name}" does not take an _arg)`);
    }
  }
  throw new ExpansionFailure(`unknown expansion operator "${written}"`);
}

const MAX_NAME = 255;
