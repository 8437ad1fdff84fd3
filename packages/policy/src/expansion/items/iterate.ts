import { ListText } from "../../matching/split-list.ts";
import { checkLength, type Eventual, restoring, runCode, then, withValue } from "../code.ts";
import type { Evaluation } from "../evaluation.ts";
import { type Items, itemsOf, taintedLike, withEachItem } from "../list-items.ts";
import type { Item } from "../parser.ts";
import { required, requiredList } from "../required.ts";
import { Tainted, textOf, type Value } from "../value.ts";

/** A list that grows by one item at a time, within the bounds of a string. */
class Result {
  readonly #list: ListText;
  #isTainted: boolean;

  constructor({ separator, isTainted }: Items) {
    this.#list = new ListText(separator);
    this.#isTainted = isTainted;
  }

  add(item: Value): undefined {
    this.#list.add(textOf(item));
    this.#isTainted ||= item instanceof Tainted;
    checkLength(this.#list.text.length);
  }

  get value(): Value {
    return taintedLike(this.#isTainted, this.#list.text);
  }
}

/** `${map{list}{string}}`: the list of what the string gives for each `$item`. */
export const map: Item = {
  name: "map",
  compile(parser) {
    const list = requiredList(parser, "map");
    const code = required(parser, "map");
    parser.close();
    return (evaluation) =>
      then(itemsOf(list, evaluation), (items) => {
        const result = new Result(items);
        const add = (value: Value): undefined => result.add(value);
        const mapped = withEachItem(items.items, evaluation, () => then(runCode(code, evaluation), add));
        return then(mapped, () => result.value);
      });
  },
};

/** `${filter{list}{condition}}`: the items for which it is true. */
export const filter: Item = {
  name: "filter",
  compile(parser) {
    const list = requiredList(parser, "filter");
    parser.source.expect("{", () => 'missing { after "filter"');
    const test = parser.condition();
    parser.close();
    parser.close();
    const isTrue = (evaluation: Evaluation): Eventual<boolean> => (typeof test === "boolean" ? test : test(evaluation));
    return (evaluation) =>
      then(itemsOf(list, evaluation), (items) => {
        const result = new Result(items);
        const { value } = evaluation;
        const keep = (item: Value): Eventual<undefined> =>
          then(isTrue(evaluation), (is) => (is ? result.add(item) : undefined));
        return restoring(
          () => then(withEachItem(items.items, evaluation, keep), () => result.value),
          () => {
            evaluation.value = value;
          },
        );
      });
  },
};

/** `${reduce{list}{start}{string}}`: `$value` is the start, then what the string gave for the item before. */
export const reduce: Item = {
  name: "reduce",
  compile(parser) {
    const list = requiredList(parser, "reduce");
    const start = required(parser, "reduce");
    const code = required(parser, "reduce");
    parser.close();
    return (evaluation) =>
      then(itemsOf(list, evaluation), ({ items }) =>
        withValue(start, (first) => {
          const before = evaluation.value;
          evaluation.value = first;
          const keep = (value: Value): undefined => {
            evaluation.value = value;
          };
          return restoring(
            () =>
              then(
                withEachItem(items, evaluation, () => then(runCode(code, evaluation), keep)),
                () => evaluation.value,
              ),
            () => {
              evaluation.value = before;
            },
          );
        })(evaluation),
      );
  },
};
