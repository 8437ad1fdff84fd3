import { ExpansionDefer } from "../expansion/failures.ts";
import type { ItemTest } from "./item.ts";
import type { ListKind } from "./list-kind.ts";

const WORDS: Readonly<Record<ListKind, string>> = {
  domain: "domain",
  host: "host",
  address: "address",
  localpart: "local part",
  string: "string",
};

/** `+name`: the named list of the same kind. */
export function namedItem(kind: ListKind, name: string): ItemTest {
  return (evaluation, subject) => {
    const found = evaluation.around.lists.find(kind, name);
    if (found === undefined) throw new ExpansionDefer(`unknown named ${WORDS[kind]} list "+${name}"`);
    return found.match(evaluation, subject);
  };
}
