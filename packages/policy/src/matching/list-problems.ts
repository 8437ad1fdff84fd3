import { trimStart } from "@postbus/mail";
import { compileExpansion } from "../expansion/compile-expansion.ts";
import { ExpansionFailure } from "../expansion/failures.ts";
import { compilePattern } from "../expansion/regex-use.ts";
import { suggestName } from "../reader/suggest-name.ts";
import { addressItem } from "./address-items.ts";
import { hostProblem } from "./host-items.ts";
import type { ListKind } from "./list-kind.ts";
import { readLookupItem } from "./lookup-item.ts";
import { splitList } from "./split-list.ts";

/** The names of the named lists of a configuration, by kind. */
export type ListNames = Readonly<
  Record<Exclude<ListKind, "string">, { has(name: string): boolean; keys(): Iterable<string> }>
>;

/** Words that change how the items behind them are read, and are no named lists. */
const WORDS: ReadonlySet<string> = new Set([
  ...["+caseful", "+include_unknown", "+ignore_unknown", "+include_defer", "+ignore_defer"],
]);

/**
 * What can be seen to be wrong with a list before anybody is looked for in it: the expansion of its text, names of lists
 * that there are not, patterns, networks, types of lookups. Items with something to expand are left alone, and so is a
 * list whose separators cannot be told from those inside an expansion.
 */
export function listProblems(kind: ListKind, text: string, names: ListNames): readonly string[] {
  const { problem, constant } = compileExpansion(text);
  if (problem !== undefined) return [problem];
  if (constant !== undefined)
    return [...splitList(constant).items].flatMap((item) => itemProblem(kind, item, names) ?? []);
  if (/[{\\]/.test(text)) return [];
  return [...splitList(text).items].flatMap((item) =>
    item.includes("$") ? [] : (itemProblem(kind, item, names) ?? []),
  );
}

/** What is wrong with one item of a list, as it is when it is read; undefined if nothing is seen. */
export function itemProblem(kind: ListKind, written: string, names: ListNames): string | undefined {
  if (WORDS.has(written)) return undefined;
  const item = written.startsWith("!") ? trimStart(written.slice(1)) : written;
  // The file may come later.
  if (item.startsWith("/")) return undefined;
  try {
    if (item.startsWith("+") && kind !== "string") return nameProblem(kind, item.slice(1), names);
    if (item.startsWith("^")) compilePattern(item);
    else if (kind === "host") return hostProblem(item);
    else if (kind === "address") return addressProblem(item, names);
    else if (!/^[*@]/.test(item) && item.includes(";")) readLookupItem(item);
    return undefined;
  } catch (error) {
    if (error instanceof ExpansionFailure) return error.message;
    throw error;
  }
}

function nameProblem(kind: keyof ListNames, name: string, names: ListNames): string | undefined {
  if (names[kind].has(name)) return undefined;
  const word = kind === "localpart" ? "local part" : kind;
  return `unknown named ${word} list "+${name}"${suggestName(name, names[kind].keys())}`;
}

/** An address item may have a domain item behind its `@`. @throws {ExpansionFailure} */
function addressProblem(item: string, names: ListNames): string | undefined {
  let problem: string | undefined;
  addressItem(item, { isCaseful: false, usesNames: true, isTainted: false }, (domain) => {
    problem = itemProblem("domain", domain, names);
    return () => undefined;
  });
  return problem;
}
