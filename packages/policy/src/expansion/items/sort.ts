import { ListText } from "../../matching/split-list.ts";
import { folded, runCode, then } from "../code.ts";
import { compareCaseless } from "../compare-caseless.ts";
import type { Evaluation } from "../evaluation.ts";
import { ExpansionFailure } from "../failures.ts";
import { itemsOf, taintedLike, withEachItem } from "../list-items.ts";
import { parseNumber } from "../number.ts";
import type { Item } from "../parser.ts";
import { required, requiredList } from "../required.ts";
import { textOf, type Value } from "../value.ts";

/** Whether one key comes before another, and how the keys are read. */
interface Order {
  readonly read: (text: string) => Key;
  readonly isBefore: (a: Key, b: Key) => boolean;
  /** For every pair, one is before the other or they are equal: the caseless ones of Exim are not like that. */
  readonly isTotal: boolean;
}

/** Undefined: not a number, which is before nothing. */
type Key = string | bigint | undefined;

interface Keyed {
  readonly item: string;
  readonly key: Key;
}

/** `${sort{list}{comparator}{key of $item}}`; comparators are the conditions that order numbers or strings. */
export const sort: Item = {
  name: "sort",
  compile(parser) {
    const list = requiredList(parser, "sort");
    const comparator = required(parser, "sort");
    const extractor = required(parser, "sort");
    parser.close();
    return (evaluation) =>
      then(itemsOf(list, evaluation), ({ items, separator, isTainted }) =>
        then(runCode(comparator, evaluation), (name) => {
          const order = orderOf(textOf(name));
          const keyed: Keyed[] = [];
          const add = (item: Value, key: Value): undefined => {
            keyed.push({ item: textOf(item), key: order.read(textOf(key)) });
          };
          const read = withEachItem(items, evaluation, (item) =>
            then(runCode(extractor, evaluation), (key) => add(item, key)),
          );
          return then(read, () => taintedLike(isTainted, sorted(keyed, order, separator, evaluation)));
        }),
      );
  },
};

function orderOf(name: string): Order {
  const [, letters, caseless, sign] = /^(?:(lt|le|gt|ge)(i?)|([<>]=?))$/.exec(name) ?? [];
  const comparator = letters ?? sign;
  if (comparator === undefined) throw new ExpansionFailure("comparator not handled for sort");
  const isDescending = /^[g>]/.test(comparator);
  const withEqual = /[e=]$/.test(comparator);
  const compare = caseless === "i" ? (a: Key, b: Key) => compareCaseless(String(a), String(b)) : inOrder;
  return {
    read: sign === undefined ? (text) => text : numberOf,
    isBefore(a, b) {
      if (a === undefined || b === undefined) return false;
      const order = compare(a, b);
      return order === 0 ? withEqual : order > 0 === isDescending;
    },
    isTotal: caseless !== "i",
  };
}

function inOrder(a: string | bigint, b: string | bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function numberOf(text: string): bigint | undefined {
  // Many words, each with an exception, would take long.
  return /^\s*[A-Za-z_]/.test(text) ? undefined : folded(() => parseNumber(text));
}

function sorted(keyed: readonly Keyed[], order: Order, separator: string, evaluation: Evaluation): string {
  const isTotal = order.isTotal && keyed.every(({ key }) => key !== undefined);
  const count = keyed.length;
  evaluation.spend(isTotal ? Math.ceil(count * Math.log2(count + 1)) : Math.ceil((count * count) / 4));
  const text = new ListText(separator);
  for (const { item } of (isTotal ? quick : inserted)(keyed, order)) text.add(item);
  return text.text;
}

/** What insertion gives, faster: new items that are equal to old ones stand before them if the comparator has `=`. */
function quick(keyed: readonly Keyed[], { isBefore }: Order): readonly Keyed[] {
  return keyed
    .map((one, at) => ({ ...one, at }))
    .sort((a, b) => {
      const [older, newer, sign] = a.at < b.at ? [a, b, 1] : [b, a, -1];
      return isBefore(newer.key, older.key) ? sign : -sign;
    });
}

/** Each item goes before the first that it is before. */
function inserted(keyed: readonly Keyed[], { isBefore }: Order): readonly Keyed[] {
  const result: Keyed[] = [];
  for (const one of keyed) {
    const at = result.findIndex(({ key }) => isBefore(one.key, key));
    result.splice(at === -1 ? result.length : at, 0, one);
  }
  return result;
}
