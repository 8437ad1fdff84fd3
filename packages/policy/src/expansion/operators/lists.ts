import type { ListKind } from "../../matching/list-kind.ts";
import type { NamedList } from "../../matching/named-lists.ts";
import { splitList } from "../../matching/split-list.ts";
import { checkLength, forEach, then } from "../code.ts";
import type { Evaluation } from "../evaluation.ts";
import { ExpansionFailure } from "../failures.ts";
import type { StateOperator } from "../operator.ts";
import { textOf } from "../value.ts";

/** `${listcount:a:b}` → `2`. */
export const listcount: StateOperator = {
  name: "listcount",
  run(subject, _argument, evaluation) {
    let count = 0;
    const counted = forEach(splitList(textOf(subject)).items, evaluation, () => {
      count++;
      return false;
    });
    return then(counted, () => String(count));
  },
};

const KINDS: readonly ListKind[] = ["domain", "host", "address", "localpart"];
const WORDS: Readonly<Record<ListKind, string>> = {
  domain: "domain",
  host: "host",
  address: "address",
  localpart: "local_part",
  string: "string",
};

/** `${listnamed:local_domains}`: the text of a named list; `listnamed_d`, `_h`, `_a`, `_l`: of that kind only. */
export const listnamed: StateOperator = {
  name: "listnamed",
  takesArgument: true,
  run(subject, argument, evaluation) {
    if (typeof subject !== "string") throw new ExpansionFailure("attempt to use tainted list name");
    const name = textOf(subject).replace(/^\+/, "");
    const kind = KINDS.find((k) => k[0] === argument?.[0]);
    if (argument !== undefined && kind === undefined) throw new ExpansionFailure('bad suffix on "list" operator');
    const { lists } = evaluation.around;
    for (const candidate of kind === undefined ? KINDS : [kind]) {
      const found = lists.find(candidate, name);
      if (found !== undefined) return opened(found, evaluation, 0);
    }
    throw new ExpansionFailure(`"${name}" is not a ${kind === undefined ? "" : `${WORDS[kind]} `}named list`);
  },
};

/** Lists within lists. */
const MAX_DEPTH = 20;

/** The text with the items `+name` replaced by the texts of those lists. */
function opened(list: NamedList, evaluation: Evaluation, depth: number): string {
  if (depth > MAX_DEPTH) throw new ExpansionFailure(`named lists are nested deeper than ${MAX_DEPTH}`);
  evaluation.step(list.text.length);
  const text = list.text.replace(
    /(^|:)([\t-\r ]*)\+(\w+)(?=[\t-\r ]*(?::|$))/g,
    (item, start: string, blanks: string, name: string) => {
      const inner = evaluation.around.lists.find(list.kind, name);
      return inner === undefined ? item : start + blanks + opened(inner, evaluation, depth + 1);
    },
  );
  checkLength(text.length);
  return text;
}
