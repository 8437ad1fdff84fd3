import { trimStart } from "@postbus/mail";
import type { Evaluation } from "../expansion/evaluation.ts";
import { ExpansionDefer, ExpansionFailure } from "../expansion/failures.ts";
import { addressItem } from "./address-items.ts";
import { localLiteral, mxItem, primaryHostname } from "./domain-items.ts";
import { fileItem } from "./file-item.ts";
import { hostItem } from "./host-items.ts";
import type { ItemOptions, ItemTest, Subject } from "./item.ts";
import type { ListKind } from "./list-kind.ts";
import { lookupItem } from "./lookup-item.ts";
import { type ListItem, matchItems, STRICT, type Tolerance } from "./match-items.ts";
import type { Answer } from "./matched.ts";
import { namedItem } from "./named-item.ts";
import { literalItem, regexItem, suffixItem } from "./pattern-items.ts";
import { splitList } from "./split-list.ts";

/** The items of a list that has been expanded. */
export interface Items {
  match(evaluation: Evaluation, subject: Subject): Answer;
}

const DEFAULTS: ItemOptions = { isCaseful: false, usesNames: true, isTainted: false };

/** Reads the items of a list, without expanding anything. Items that cannot be read defer when they are reached. */
export function compileItems(kind: ListKind, text: string, options: Partial<ItemOptions> = {}): Items {
  return compileEach(kind, splitList(text, options.isTainted !== true).items, { ...DEFAULTS, ...options });
}

/** As `compileItems`, for items that are apart already. */
function compileEach(kind: ListKind, written: Iterable<string>, options: ItemOptions): Items {
  const items: ListItem[] = [];
  let current = options;
  let tolerance: Tolerance = STRICT;
  for (const word of written) {
    if (word === "+caseful" && (kind === "localpart" || kind === "address")) {
      current = { ...current, isCaseful: true };
      continue;
    }
    const changed = kind === "host" ? TOLERANCES.get(word) : undefined;
    if (changed !== undefined) {
      tolerance = { ...tolerance, ...changed };
      continue;
    }
    const isNegated = word.startsWith("!");
    const item = isNegated ? trimStart(word.slice(1)) : word;
    const isLiteral = kind !== "host" && kind !== "address" && LITERAL.test(item);
    const literal = isLiteral ? { text: item, isCaseful: current.isCaseful } : undefined;
    items.push({ isNegated, test: compileItem(kind, item, current), tolerance, literal });
  }
  return { match: matchItems(items) };
}

/** Words of host lists that change what becomes of the items behind them. */
const TOLERANCES: ReadonlyMap<string, Partial<Tolerance>> = new Map<string, Partial<Tolerance>>([
  ["+include_unknown", { unknown: "include" }],
  ["+ignore_unknown", { unknown: "ignore" }],
  ["+include_defer", { defer: "include" }],
  ["+ignore_defer", { defer: "ignore" }],
]);

/** Surely nothing but text. */
const LITERAL = /^[^*^@+/;!][^;]*$/;

/** One item, without its `!`. */
function compileItem(kind: ListKind, item: string, options: ItemOptions): ItemTest {
  try {
    if (item.startsWith("+") && kind !== "string") return namedItem(kind, item.slice(1));
    if (item.startsWith("/")) {
      return fileItem(kind, item, options, (lines) => compileEach(kind, lines, { ...options, isTainted: false }));
    }
    if (kind === "host") return hostItem(item, options);
    if (kind === "address") {
      return addressItem(item, options, (domain) => compileItem("domain", domain, { ...options, isCaseful: false }));
    }
    return stringItem(kind, item, options);
  } catch (error) {
    if (!(error instanceof ExpansionFailure)) throw error;
    const { message } = error;
    return () => {
      throw new ExpansionDefer(message);
    };
  }
}

function stringItem(kind: ListKind, item: string, options: ItemOptions): ItemTest {
  if (item.startsWith("^")) return regexItem(item, options);
  if (item.startsWith("*")) return suffixItem(item, options);
  if (kind === "domain" && item.startsWith("@")) {
    if (item === "@") return primaryHostname;
    if (item === "@[]") return localLiteral;
    const mx = mxItem(item, (list) => compileItems("host", list).match);
    if (mx !== undefined) return mx;
  }
  return item.includes(";") ? lookupItem(item, options) : literalItem(item, options);
}
