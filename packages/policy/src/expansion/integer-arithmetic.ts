import { ExpansionFailure } from "./failures.ts";
import { Source } from "./source.ts";

const MAX = 2n ** 63n - 1n;
const MIN = -(2n ** 63n);
/** Parentheses and signs within each other; a policy has three, a peer may send a million. */
const MAX_DEPTH = 200;
/** Characters of an expression: a peer may send a million. */
const MAX_TEXT = 32_768;
/** Long before that a number is beyond 64 bits. */
const MAX_DIGITS = 40;

/** From the operators that bind least to those that bind most. */
const LEVELS = [/\|/y, /\^/y, /&/y, /<<|>>/y, /[+-]/y, /[*/%]/y];

/**
 * Arithmetic on 64-bit signed integers, with C's operators but for the order of `&`, `^`, `|` and the shifts, which all
 * bind less than `+`. `K`, `M`, `G` behind a number multiply by 1024.
 *
 * @throws {ExpansionFailure} wrong syntax, division by zero, a sum beyond 64 bits. (Products wrap, as in Exim.)
 */
export function evaluateInteger(text: string, options: { readonly isDecimal: boolean }): bigint {
  if (text.length > MAX_TEXT) throw new ExpansionFailure("error in expression evaluation: expression is too long");
  const source = new Source(text);
  const parser = new Arithmetic(source, options.isDecimal);
  const result = parser.level(0);
  if (source.at < text.length) parser.fail("expecting operator");
  return result;
}

class Arithmetic {
  readonly #source: Source;
  readonly #isDecimal: boolean;
  #depth = 0;

  constructor(source: Source, isDecimal: boolean) {
    this.#source = source;
    this.#isDecimal = isDecimal;
  }

  /** @throws {ExpansionFailure} always. */
  fail(problem: string): never {
    const done = this.#source.text.slice(0, this.#source.at);
    throw new ExpansionFailure(`error in expression evaluation: ${problem} (after processing "${done}")`);
  }

  level(index: number): bigint {
    const operators = LEVELS[index];
    if (operators === undefined) return this.#operand();
    let left = this.level(index + 1);
    for (;;) {
      const operator = this.#source.match(operators);
      if (operator === "") return left;
      left = this.#apply(operator, left, this.level(index + 1));
    }
  }

  #operand(): bigint {
    const source = this.#source;
    source.skipBlanks();
    if (++this.#depth > MAX_DEPTH) this.fail("nested too deeply");
    const sign = source.match(/[-+~]/y);
    let value: bigint;
    if (sign !== "") {
      value = this.#operand();
      if (sign === "-") value = BigInt.asIntN(64, -value);
      if (sign === "~") value = ~value;
    } else if (source.take("(")) {
      value = this.level(0);
      if (!source.take(")")) this.fail("expecting closing parenthesis");
      source.skipBlanks();
    } else value = this.#number();
    this.#depth--;
    return value;
  }

  #number(): bigint {
    const source = this.#source;
    const written = source.match(this.#isDecimal ? /[0-9]+/y : /0[xX][0-9A-Fa-f]+|0[0-7]*|[1-9][0-9]*/y);
    if (written === "") this.fail("expecting number or opening parenthesis");
    const value = written.length > MAX_DIGITS ? MAX : clamped(this.#read(written));
    const suffix = source.match(/[kmg]/iy).toLowerCase();
    source.skipBlanks();
    return BigInt.asIntN(64, value << BigInt({ k: 10, m: 20, g: 30 }[suffix] ?? 0));
  }

  #read(written: string): bigint {
    if (!this.#isDecimal && /^0[0-7]/.test(written)) return BigInt(`0o${written.slice(1)}`);
    return BigInt(written);
  }

  #apply(operator: string, a: bigint, b: bigint): bigint {
    switch (operator) {
      case "|":
        return a | b;
      case "^":
        return a ^ b;
      case "&":
        return a & b;
      case "<<":
        return BigInt.asIntN(64, a << (b & 63n));
      case ">>":
        return a >> (b & 63n);
      case "+":
        return this.#inRange(a + b);
      case "-":
        return this.#inRange(a - b);
      case "*":
        return BigInt.asIntN(64, a * b);
      case "/":
        if (b === 0n) this.fail("divide by zero");
        return clamped(a / b);
      default:
        if (b === 0n) this.fail("modulo by zero");
        return a % b;
    }
  }

  #inRange(sum: bigint): bigint {
    return sum > MAX || sum < MIN ? this.fail("overflow") : sum;
  }
}

/** As C's `strtoll` does. */
function clamped(value: bigint): bigint {
  if (value > MAX) return MAX;
  return value < MIN ? MIN : value;
}
