import { type Branches, readBranches } from "./branches.ts";
import { type Code, sequence, type TestCode } from "./code.ts";
import type { Conditions } from "./condition.ts";
import { readCondition } from "./condition-parser.ts";
import { readEscape } from "./escape.ts";
import { ExpansionFailure } from "./failures.ts";
import { isHeaderName, readHeader } from "./header-variables.ts";
import { type Operators, operatorCode } from "./operator.ts";
import type { Item, ListCode, Parser } from "./parser.ts";
import { Source } from "./source.ts";
import { captureCode, unknownVariable, variableCode } from "./variable-code.ts";

/** The families whose members a string may use. */
export interface Families {
  readonly items: ReadonlyMap<string, Item>;
  readonly operators: Operators;
  readonly conditions: Conditions;
}

/** Braces within braces; each level costs stack when it is read and when it is run. Real configurations stay below 40. */
const MAX_DEPTH = 300;

/** Reads a string from left to right and compiles it. Every name is checked, in branches that are never taken as well. */
export class StringParser implements Parser {
  readonly source: Source;
  readonly #families: Families;
  #depth = 0;

  constructor(text: string, families: Families) {
    this.source = new Source(text);
    this.#families = families;
  }

  /** The whole text. @throws {ExpansionFailure} it cannot be parsed. */
  all(): Code {
    return this.#string(false, true);
  }

  argument(): Code | undefined {
    this.source.skipBlanks();
    return this.source.take("{") ? this.#braced(true) : undefined;
  }

  list(): ListCode | undefined {
    const start = this.source.at;
    const hasOwnStart = this.source.match(/[\t-\r ]*\{[\t-\r ]*\$/y) === "";
    this.source.at = start;
    const code = this.argument();
    return code === undefined ? undefined : { code, hasOwnStart };
  }

  literalArgument(): string | undefined {
    this.source.skipBlanks();
    if (!this.source.take("{")) return undefined;
    const code = this.#braced(false);
    return typeof code === "string" ? code : "";
  }

  allArguments(name: string, min: number, max: number): Code[] {
    const found: Code[] = [];
    while (found.length < max) {
      const code = this.argument();
      if (code === undefined) break;
      found.push(code);
    }
    if (found.length < min) throw new ExpansionFailure(`Not enough arguments for '${name}' (min is ${min})`);
    this.source.skipBlanks();
    if (this.source.peek() === "{") throw new ExpansionFailure(`Too many arguments for '${name}' (max is ${max})`);
    this.close();
    return found;
  }

  condition(): TestCode {
    return readCondition(this, this.#families.conditions);
  }

  branches(name: string): Branches {
    return readBranches(this.source, name, () => this.argument());
  }

  close(): void {
    this.source.expect("}", () => "missing or misplaced { or }");
  }

  compile(text: string): Code {
    return new StringParser(text, this.#families).all();
  }

  #braced(honoursDollar: boolean): Code {
    const code = this.#string(true, honoursDollar);
    if (!this.source.take("}")) throw new ExpansionFailure("missing } at end of string");
    return code;
  }

  #string(endsAtBrace: boolean, honoursDollar: boolean): Code {
    if (++this.#depth > MAX_DEPTH) throw new ExpansionFailure(`braces are nested deeper than ${MAX_DEPTH}`);
    const { source } = this;
    const pieces: Code[] = [];
    for (;;) {
      pieces.push(source.match(honoursDollar ? /[^\\$}]*/y : /[^\\}]*/y));
      const c = source.peek();
      if (c === "" || (c === "}" && endsAtBrace)) break;
      if (c === "}") pieces.push(source.match(/\}/y));
      else pieces.push(c === "\\" ? readEscape(source) : this.#reference());
    }
    this.#depth--;
    return sequence(pieces);
  }

  /** After a dollar. */
  #reference(): Code {
    const { source } = this;
    source.at++;
    const digits = source.match(/[0-9]+/y);
    if (digits !== "") return captureCode(digits);
    if (source.take("{")) return this.#inBraces();
    const start = source.at;
    const name = source.match(/[A-Za-z][A-Za-z0-9_]*/y);
    if (name === "") throw new ExpansionFailure("$ not followed by letter, digit, or {");
    if (isHeaderName(name)) {
      source.at = start;
      return readHeader(source);
    }
    return variableCode(name) ?? fail(unknownVariable(name));
  }

  #inBraces(): Code {
    const { source } = this;
    const digits = source.match(/[0-9]+/y);
    if (digits !== "") {
      if (!source.take("}")) throw new ExpansionFailure("} expected after number");
      return captureCode(digits);
    }
    if (!/[A-Za-z]/.test(source.peek())) throw new ExpansionFailure("letter or digit expected after ${");
    const name = source.match(/[A-Za-z0-9_-]*/y);
    const item = this.#families.items.get(name);
    if (item !== undefined) return item.compile(this);
    if (source.take(":")) return operatorCode(name, () => this.#braced(true), this.#families.operators);
    if (source.take("}")) return variableCode(name) ?? fail(`unknown variable in "\${${name}}"`);
    throw new ExpansionFailure(`"\${${name}" is not a known operator (or a } is missing in a variable reference)`);
  }
}

/** @throws {ExpansionFailure} always. */
function fail(problem: string): never {
  throw new ExpansionFailure(problem);
}
