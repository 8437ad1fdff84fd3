import { type Eventual, forEach, runCode, type TestCode, then, work } from "../code.ts";
import type { Condition } from "../condition.ts";
import type { Evaluation } from "../evaluation.ts";
import { ExpansionFailure } from "../failures.ts";
import { jsonElements, jsonString } from "../json-text.ts";
import { itemsOf, withEachItem } from "../list-items.ts";
import { lowerCase } from "../operators/case.ts";
import type { ListCode, Parser } from "../parser.ts";
import { first } from "../subjects.ts";
import { derived, textOf, type Value } from "../value.ts";

/** `inlist{text}{list}`: one of the items is the same; `$value` is the item. */
function inlistCondition(name: string, form: (text: string) => string): Condition {
  return {
    name,
    compile(parser) {
      const subject = first(parser, name);
      const list = parser.list();
      if (list === undefined) throw new ExpansionFailure(`missing 2nd string in {} after "${name}"`);
      return (evaluation) =>
        then(runCode(subject, evaluation), (value) => {
          const wanted = form(textOf(value));
          return then(itemsOf(list, evaluation), ({ items }) => {
            let isIn = false;
            const search = forEach(items, evaluation, (item) => {
              if (form(textOf(item)) !== wanted) return false;
              isIn = true;
              evaluation.value = item;
              return true;
            });
            return then(search, () => isIn);
          });
        });
    },
  };
}

export const inlist = inlistCondition("inlist", (text) => text);
export const inlisti = inlistCondition("inlisti", lowerCase);

type Split = (list: ListCode, evaluation: Evaluation) => Eventual<Iterable<Value>>;

const ofList: Split = (list, evaluation) => then(itemsOf(list, evaluation), ({ items }) => items);

const ofJson =
  (read: (element: string) => string): Split =>
  ({ code }, evaluation) =>
    then(runCode(code, evaluation), (value) => {
      const text = textOf(value);
      work(evaluation, text);
      return tainted(value, jsonElements(text, "extract json"), read);
    });

function* tainted(from: Value, elements: Iterable<string>, read: (element: string) => string): Generator<Value> {
  for (const element of elements) yield derived(from, read(element));
}

/** `forany{list}{condition}` and `forall{…}`: an empty list is false for both, as Exim has it. */
function forCondition(name: string, split: Split): Condition {
  const decides = name.startsWith("forany");
  return {
    name,
    compile(parser) {
      const list = parser.list();
      if (list === undefined) throw new ExpansionFailure(`missing { after "${name}"`);
      const test = inner(parser, name);
      return (evaluation) =>
        then(split(list, evaluation), (items) => {
          let result = false;
          const search = withEachItem(items, evaluation, () =>
            then(typeof test === "boolean" ? test : test(evaluation), (isTrue) => {
              result = isTrue;
              return isTrue === decides;
            }),
          );
          return then(search, () => result);
        });
    },
  };
}

function inner(parser: Parser, name: string): TestCode {
  parser.source.expect("{", () => `missing { after "${name}"`);
  const test = parser.condition();
  parser.source.expect("}", () => `missing } at end of condition inside "${name}"`);
  return test;
}

const asString = (element: string): string => jsonString(element, "extract jsons");

export const loops: readonly Condition[] = [
  forCondition("forany", ofList),
  forCondition("forall", ofList),
  forCondition(
    "forany_json",
    ofJson((element) => element),
  ),
  forCondition(
    "forall_json",
    ofJson((element) => element),
  ),
  forCondition("forany_jsons", ofJson(asString)),
  forCondition("forall_jsons", ofJson(asString)),
];
