import { compileExpansion } from "../expansion/compile-expansion.ts";
import { itemProblem, type ListNames } from "../matching/list-problems.ts";
import { splitList } from "../matching/split-list.ts";
import { suggestName } from "../reader/suggest-name.ts";

const WORDS: readonly string[] = ["byname", "bydns", "randomize", "no_randomize", "ipv4_only", "ipv4_prefer"];

/**
 * What can be seen to be wrong with a `route_list`, items `PATTERN [HOSTS [WORD…]]` (Exim's manual, "Format of one route
 * item"): patterns, the expansion of the hosts, words that are neither an option nor one of the transports.
 */
export function routeListProblems(
  list: string,
  names: ListNames,
  transports: { has(name: string): boolean; keys(): Iterable<string> },
): readonly string[] {
  // The separator is a semicolon unless the list says another one itself.
  const separated = /^\s*<[^A-Za-z0-9\s]/.test(list) ? list : `<; ${list}`;
  return [...splitList(separated).items].flatMap((item) => {
    const [pattern = "", hosts = "", ...words] = (item.match(WORD) ?? []).map(unquoted);
    const problems = [
      /[$\\]/.test(pattern) ? undefined : itemProblem("domain", pattern, names),
      compileExpansion(hosts).problem,
      ...words.map((word) =>
        WORDS.includes(word) || transports.has(word) || word.includes("$")
          ? undefined
          : `unknown routing option or transport name "${word}"${suggestName(word, [...WORDS, ...transports.keys()])}`,
      ),
    ];
    return problems.filter((problem) => problem !== undefined);
  });
}

/** What stands between blanks, or in quotes. */
const WORD = /"(?:[^"\\]|\\[\s\S])*"?|\S+/g;

/** In quotes, a backslash stands before what is meant literally. */
const unquoted = (word: string): string =>
  word.startsWith('"') ? word.replace(/^"|"$/g, "").replaceAll(/\\([\s\S])/g, "$1") : word;
