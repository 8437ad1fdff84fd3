import { trim } from "@postbus/mail";
import { type Branches, failBranch, succeed } from "../branches.ts";
import { type Code, type Eventual, type Run, then, values, withValue, work } from "../code.ts";
import type { Evaluation } from "../evaluation.ts";
import { ExpansionFailure } from "../failures.ts";
import { fieldOf, keyedValue } from "../fields.ts";
import { jsonElement, jsonMember, jsonString } from "../json-text.ts";
import type { Item, Parser } from "../parser.ts";
import { derived, textOf, type Value } from "../value.ts";

const NUMBER = /^[\t-\r ]*[-+]?[0-9]+[\t-\r ]*$/;

/**
 * `${extract{key}{name=value …}{yes}{no}}`, `${extract{N}{separators}{text}{yes}{no}}`, `${extract json{key or N}{json}…}`.
 * Which of the first two it is depends on what the first argument turns out to be.
 */
export const extract: Item = {
  name: "extract",
  compile(parser): Run {
    const { source } = parser;
    source.skipBlanks();
    const kind = source.match(/jsons?(?=[\t-\r ]*\{)/y);
    const { args, mustFail } = readArguments(parser);
    const [first, second, third] = args;
    if (first === undefined || second === undefined) throw missing(args.length + 1);
    const branches = (from: number): Branches | undefined => branchesOf(args.slice(from), mustFail);
    const whenKey = branches(2);
    const whenNumber = third === undefined ? undefined : branches(3);
    const inThisJson: Find = (name, args) => inJson(name, args, kind === "jsons");
    const byKey = form([second], whenKey, kind === "" ? inPairs : inThisJson);
    const byNumber = third === undefined ? undefined : form([second, third], whenNumber, inFields);
    return withValue(first, (value, evaluation) => {
      const name = textOf(value);
      if (kind !== "" || !NUMBER.test(name)) return byKey(name, evaluation);
      if (byNumber === undefined) throw missing(3);
      return byNumber(name, evaluation);
    });
  },
};

/** All that stands in braces, the word `fail`, and the brace that closes the item. */
function readArguments(parser: Parser): { args: Code[]; mustFail: boolean } {
  const args: Code[] = [];
  for (let code = parser.argument(); code !== undefined; code = parser.argument()) args.push(code);
  const mustFail = parser.source.match(/fail(?=[\t-\r ]*\})/y) !== "";
  parser.close();
  return { args, mustFail };
}

/** The arguments behind those of a form as its "yes" and "no" strings; undefined: they are too many or too few. */
function branchesOf([yes, no, ...more]: readonly Code[], mustFail: boolean): Branches | undefined {
  if (more.length > 0 || (mustFail && (yes === undefined || no !== undefined))) return undefined;
  return { item: "extract", yes, no, mustFail };
}

/** Finds something by its name in the other arguments. */
type Find = (name: string, args: readonly string[]) => string | undefined;

function form(
  codes: readonly Code[],
  branches: Branches | undefined,
  find: Find,
): (name: string, evaluation: Evaluation) => Eventual<Value> {
  if (branches === undefined) {
    return () => {
      throw new ExpansionFailure("curly-bracket problem in conditional yes/no parsing of extract");
    };
  }
  return (name, evaluation) =>
    then(values(codes, evaluation), (args) => {
      const from = args.at(-1) ?? "";
      work(evaluation, textOf(from));
      const found = find(name, args.map(textOf));
      if (found === undefined) return failBranch(branches, evaluation);
      return succeed(branches, derived(from, found), evaluation);
    });
}

function inPairs(name: string, [pairs = ""]: readonly string[]): string | undefined {
  return keyedValue(pairs, notEmpty(name));
}

function inFields(number: string, [separators = "", text = ""]: readonly string[]): string | undefined {
  const index = Number(number);
  if (Math.abs(index) > MAX_INDEX) throw new ExpansionFailure("extract: field number too large");
  return fieldOf(text, separators, index);
}

function inJson(name: string, [json = ""]: readonly string[], isString: boolean): string | undefined {
  const key = notEmpty(name);
  if (NUMBER.test(name) && Number(key) < 1) {
    throw new ExpansionFailure('first argument of "extract" must be greater than zero');
  }
  const item = isString ? "extract jsons" : "extract json";
  const found = NUMBER.test(name) ? jsonElement(json, Number(key), item) : jsonMember(json, key, item);
  return found === undefined || !isString ? found : jsonString(found, item);
}

/** C's `int`. */
const MAX_INDEX = 2_147_483_647;

/** @throws {ExpansionFailure} nothing is asked for. */
function notEmpty(name: string): string {
  const key = trim(name);
  if (key === "") throw new ExpansionFailure('first argument of "extract" must not be empty');
  return key;
}

const missing = (index: number): ExpansionFailure => new ExpansionFailure(`missing '{' for arg ${index} of extract`);
