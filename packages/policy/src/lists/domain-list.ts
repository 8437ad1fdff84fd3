import { ValueError } from "../config/problems.ts";
import { splitList } from "../config/split-list.ts";
import { plain } from "../config/values.ts";
import { type ListItem, matchList, negation } from "./match-list.ts";

type Test = (domain: string) => boolean;

/**
 * A domain list: names, `@` (the primary host name), `*` and `*text` (ends with text), `+named`, `!` in front of any.
 *
 * @returns A test of domains in lower case.
 * @throws {ValueError} an item of a kind that the built-in policy does not have.
 */
export function compileDomainList(text: string, primaryHostname: string, named: (name: string) => Test): Test {
  const items = splitList(plain(text));
  const compiled = items.map((item): ListItem<string> => {
    const { isNegated, rest } = negation(item);
    return { isNegated, matches: compileItem(rest.toLowerCase(), rest, primaryHostname.toLowerCase(), named) };
  });
  if (items.every(isLiteral)) {
    const names = new Set(items.map((item) => (item === "@" ? primaryHostname : item).toLowerCase()));
    return (domain) => names.has(domain);
  }
  return matchList(compiled);
}

const isLiteral = (item: string): boolean => item === "@" || /^[a-z0-9]/i.test(item);

function compileItem(item: string, written: string, primaryHostname: string, named: (name: string) => Test): Test {
  if (item === "@") return (domain) => domain === primaryHostname;
  if (item.startsWith("+")) return named(written.slice(1));
  if (item.startsWith("*")) {
    const end = item.slice(1);
    return (domain) => domain.endsWith(end);
  }
  if (/[\^/;]|^@|[*+!]/.test(item)) {
    throw new ValueError(`item "${written}": patterns, files and lookups are not supported by the built-in policy yet`);
  }
  return (domain) => domain === item;
}
