import { splitList } from "../matching/split-list.ts";
import { type Eventual, forEach, restoring, runCode, then } from "./code.ts";
import type { Evaluation } from "./evaluation.ts";
import type { ListCode } from "./parser.ts";
import { derived, Tainted, textOf, type Value } from "./value.ts";

/** A list that has been expanded: its items are as tainted as the whole. */
export interface Items {
  readonly items: Iterable<Value>;
  readonly separator: string;
  readonly isTainted: boolean;
}

/** Expands and splits. A separator that a peer has chosen does not count. */
export function itemsOf(list: ListCode, evaluation: Evaluation): Eventual<Items> {
  return then(runCode(list.code, evaluation), (value) => {
    const isTainted = value instanceof Tainted;
    const { items, separator } = splitList(textOf(value), list.hasOwnStart || !isTainted);
    return { items: isTainted ? tainted(items) : items, separator, isTainted };
  });
}

function* tainted(items: Iterable<string>): Generator<Value> {
  for (const item of items) yield new Tainted(item);
}

/** Visits the items with `$item` set. */
export function withEachItem(
  items: Iterable<Value>,
  evaluation: Evaluation,
  visit: (item: Value) => Eventual<boolean | undefined>,
): Eventual<void> {
  const before = evaluation.item;
  return restoring(
    () =>
      forEach(items, evaluation, (item) => {
        evaluation.item = item;
        return visit(item);
      }),
    () => {
      evaluation.item = before;
    },
  );
}

/** A string that was put together from a list with this taint. */
export const taintedLike = (isTainted: boolean, text: string): Value => derived(isTainted ? new Tainted("") : "", text);
