import { DeferError, trimStart } from "@postbus/mail";
import {
  type CompiledList,
  compileExpansion,
  compileList,
  type Expansion,
  splitList,
  Tainted,
  textOf,
} from "@postbus/policy";
import type { Attempt } from "../attempt.ts";
import { type DriverResult, deferred, errorNumbers } from "../driver-result.ts";
import { matchList } from "../match-list.ts";

/** Where a domain goes: `HOSTS [WORD…]`. */
export interface RouteItem {
  /** For problems: the pattern that has matched, or nothing. */
  readonly pattern: string;
  readonly hosts: Expansion;
  readonly words: readonly string[];
}

type Find = (attempt: Attempt) => Promise<RouteItem | DriverResult>;

/** `route_data`: expanded, then read. */
export function readRouteData(expansion: Expansion): Find {
  return async (attempt) => {
    const expanded = await attempt.expand(expansion);
    if (expanded.kind === "forced") return { kind: "declined", why: "route_data is made to fail" };
    if (expanded.kind === "failed") {
      const text = `${attempt.router.name} router: failed to expand "${expansion.source}": ${expanded.text}`;
      return deferred(text, errorNumbers.expansion);
    }
    const [hosts, rest] = firstWord(textOf(expanded.value));
    if (hosts === "") return { kind: "declined", why: "route_data is empty" };
    // What comes out of a file of the operator's may hold variables; what a peer has chosen is not expanded again.
    if (expanded.value instanceof Tainted && /[$\\]/.test(hosts)) {
      return deferred(`${attempt.router.name} router: attempt to expand tainted string '${hosts}'`);
    }
    return { pattern: attempt.address.domain, hosts: compileExpansion(hosts), words: wordsOf(rest) };
  };
}

/** `route_list`: items `PATTERN [HOSTS [WORD…]]`, separated by semicolons; the first whose pattern matches counts. */
export function compileRouteList(list: string): Find {
  const items = [...splitList(withSemicolons(list)).items].filter((item) => item !== "").map(compileItem);
  return async (attempt) => {
    const { evaluation, address } = attempt;
    for (const { pattern, item } of items) {
      try {
        const matched = await matchList(pattern, evaluation, new Tainted(address.domain));
        if (matched === undefined) continue;
        evaluation.captures = matched.captures ?? [];
        evaluation.value = matched.data ?? "";
        return item;
      } catch (error) {
        if (!(error instanceof DeferError)) throw error;
        return deferred("lookup defer in route_list");
      }
    }
    return { kind: "declined", why: "no item of route_list matches" };
  };
}

/** The separator is a semicolon unless the list says another one itself. */
const withSemicolons = (list: string): string => (OWN_SEPARATOR.test(list) ? list : `<; ${list}`);
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters may be separators
const OWN_SEPARATOR = /^[\t-\r ]*<[!-/:-@[-`{-~\x00-\x1f\x7f]/;

function compileItem(text: string): { readonly pattern: CompiledList; readonly item: RouteItem } {
  const [pattern, behind] = firstWord(text);
  const [hosts, words] = firstWord(behind);
  // One item of a domain list: the separator is a character that does not occur.
  const list = compileList("domain", `<\x01 ${pattern}`);
  return { pattern: list, item: { pattern, hosts: compileExpansion(hosts), words: wordsOf(words) } };
}

/** The first word, or what stands in quotes at the beginning; and the rest. */
function firstWord(text: string): [string, string] {
  const plain = trimStart(text);
  const quoted = /^"((?:[^"\\]|\\[\s\S])*)"?/.exec(plain);
  if (quoted !== null) {
    const [whole, inside = ""] = quoted;
    return [inside.replaceAll(/\\([\s\S])/g, unescaped), trimStart(plain.slice(whole.length))];
  }
  const [word = ""] = /^[^\t-\r ]*/.exec(plain) ?? [];
  return [word, trimStart(plain.slice(word.length))];
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };
const unescaped = (_: string, letter: string): string => ESCAPES[letter] ?? letter;

const wordsOf = (text: string): string[] => text.split(/[\t-\r ]+/).filter((word) => word !== "");
