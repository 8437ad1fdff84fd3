import { ListText } from "../../matching/split-list.ts";
import { type Eventual, forEach, runCode, then } from "../code.ts";
import { compareLower } from "../compare-caseless.ts";
import type { Evaluation } from "../evaluation.ts";
import { ExpansionFailure } from "../failures.ts";
import { itemsOf, taintedLike, withEachItem } from "../list-items.ts";
import { numberIn } from "../number.ts";
import { lowerCase } from "../operators/case.ts";
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

/** `${sort{list}{comparator}{key of $item}}`; comparators are the conditions that order numbers or strings, by their names: nothing in them is expanded. */
export const sort: Item = {
  name: "sort",
  compile(parser) {
    const list = requiredList(parser, "sort");
    const comparator = parser.literalArgument();
    if (comparator === undefined) throw new ExpansionFailure('missing { after "sort"');
    const extractor = required(parser, "sort");
    parser.close();
    return (evaluation) =>
      then(itemsOf(list, evaluation), ({ items, separator, isTainted }) => {
        const order = orderOf(comparator, evaluation);
        const keyed: Keyed[] = [];
        const add = (item: Value, key: Value): undefined => {
          keyed.push({ item: textOf(item), key: order.read(textOf(key)) });
        };
        const read = withEachItem(items, evaluation, (item) =>
          then(runCode(extractor, evaluation), (key) => add(item, key)),
        );
        const sorted = then(read, () => ordered(keyed, order, evaluation));
        return then(sorted, (all) => taintedLike(isTainted, listOf(all, separator)));
      });
  },
};

function orderOf(name: string, evaluation: Evaluation): Order {
  const [, letters, caseless, sign] = /^(?:(lt|le|gt|ge)(i?)|([<>]=?))$/.exec(name) ?? [];
  const comparator = letters ?? sign;
  if (comparator === undefined) {
    if (/^[A-Za-z<=>]/.test(name)) throw new ExpansionFailure("comparator not handled for sort");
    throw new ExpansionFailure(`condition name expected, but found "${name.slice(0, 16)}"`);
  }
  const isDescending = /^[g>]/.test(comparator);
  const withEqual = /[e=]$/.test(comparator);
  const isTotal = caseless !== "i";
  const compare = isTotal ? inOrder : (a: Key, b: Key) => compareLower(String(a), String(b));
  return {
    read: sign === undefined ? (isTotal ? (text) => text : lowerCase) : numberIn,
    isBefore(a, b) {
      if (a === undefined || b === undefined) return false;
      if (typeof a === "string" && typeof b === "string") evaluation.spend(Math.min(a.length, b.length) >>> 6);
      const order = compare(a, b);
      return order === 0 ? withEqual : order > 0 === isDescending;
    },
    isTotal,
  };
}

function inOrder(a: string | bigint, b: string | bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function listOf(keyed: readonly Keyed[], separator: string): string {
  const text = new ListText(separator);
  for (const { item } of keyed) text.add(item);
  return text.text;
}

/** In order; lets others run now and then. */
function ordered(keyed: readonly Keyed[], order: Order, evaluation: Evaluation): Eventual<readonly Keyed[]> {
  const isTotal = order.isTotal && keyed.every(({ key }) => key !== undefined);
  let latest: readonly Keyed[] = [];
  const stages = isTotal ? byMerging(keyed, order, evaluation) : byInsertion(keyed, order, evaluation);
  const sorted = forEach(stages, evaluation, (stage): undefined => {
    latest = stage;
  });
  return then(sorted, () => latest);
}

/** As many items are sorted in one go. */
const RUN_ITEMS = 512;

/** What insertion gives, faster: pieces are sorted, then merged. The last stage is the whole. */
function* byMerging(keyed: readonly Keyed[], order: Order, evaluation: Evaluation): Generator<readonly Keyed[]> {
  let runs: (readonly Keyed[])[] = [];
  for (let at = 0; at < keyed.length; at += RUN_ITEMS) {
    const run = quick(keyed.slice(at, at + RUN_ITEMS), order);
    evaluation.spend(Math.ceil(run.length * Math.log2(run.length + 1)));
    runs.push(run);
    yield run;
  }
  while (runs.length > 1) {
    const longer: (readonly Keyed[])[] = [];
    for (let i = 0; i < runs.length; i += 2) {
      const run = merged(runs[i] ?? [], runs[i + 1] ?? [], order);
      evaluation.spend(run.length);
      longer.push(run);
      yield run;
    }
    runs = longer;
  }
}

/** New items that are equal to old ones stand before them if the comparator has `=`. */
function quick(keyed: readonly Keyed[], { isBefore }: Order): readonly Keyed[] {
  return keyed
    .map((one, at) => ({ ...one, at }))
    .sort((a, b) => {
      const [older, newer, sign] = a.at < b.at ? [a, b, 1] : [b, a, -1];
      return isBefore(newer.key, older.key) ? sign : -sign;
    });
}

function merged(older: readonly Keyed[], newer: readonly Keyed[], { isBefore }: Order): readonly Keyed[] {
  const result: Keyed[] = [];
  let at = 0;
  for (const one of newer) {
    for (let old = older[at]; old !== undefined && !isBefore(one.key, old.key); old = older[++at]) result.push(old);
    result.push(one);
  }
  return result.concat(older.slice(at));
}

/** Each item goes before the first that it is before. Each stage is the same list, longer by one. */
function* byInsertion(
  keyed: readonly Keyed[],
  { isBefore }: Order,
  evaluation: Evaluation,
): Generator<readonly Keyed[]> {
  const result: Keyed[] = [];
  for (const one of keyed) {
    const found = result.findIndex(({ key }) => isBefore(one.key, key));
    const at = found === -1 ? result.length : found;
    // Looking from the front, then moving what stands behind.
    evaluation.spend((at >>> 1) + ((result.length - at) >>> 6));
    result.splice(at, 0, one);
    yield result;
  }
}
