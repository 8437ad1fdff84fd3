import { readFile } from "node:fs/promises";
import { trim } from "@postbus/mail";
import { ExpansionDefer } from "../expansion/failures.ts";
import { systemProblem } from "../expansion/system-problem.ts";
import type { ItemOptions, ItemTest } from "./item.ts";
import type { ListKind } from "./list-kind.ts";

/** A file of items is for some thousands; more belong into a lookup. */
const MAX_OCTETS = 4 * 1024 * 1024;

/**
 * `/path`: each line of the file is an item. Read once in each context; a file that cannot be read defers (Exim's process
 * ends there).
 */
export function fileItem(
  kind: ListKind,
  path: string,
  options: ItemOptions,
  compile: (lines: Iterable<string>) => { readonly match: ItemTest },
): ItemTest {
  return async (evaluation, subject) => {
    if (options.isTainted) throw new ExpansionDefer(`Tainted filename '${path}' in a list`);
    const key = `file ${kind} ${options.isCaseful} ${path}`;
    const known = evaluation.listFiles.get(key);
    if (known !== undefined) return known(evaluation, subject);
    const { match } = compile(lines(await contents(path), kind));
    evaluation.listFiles.set(key, match);
    return match(evaluation, subject);
  };
}

async function contents(path: string): Promise<string> {
  try {
    const octets = await readFile(Buffer.from(path, "latin1"));
    if (octets.length <= MAX_OCTETS) return octets.toString("latin1");
  } catch (error) {
    throw new ExpansionDefer(`failed to open ${path}: ${systemProblem(error)}`, { cause: error });
  }
  throw new ExpansionDefer(`${path} is longer than ${MAX_OCTETS} octets`);
}

/** A `#` begins a comment; where it may be part of an address, only at the start or behind a blank. */
function* lines(text: string, kind: ListKind): Generator<string> {
  const isPart = kind === "address" || kind === "localpart";
  for (const line of text.split("\n")) {
    const comment = isPart ? line.search(/(?:^|[\t-\r ])#/) : line.indexOf("#");
    const item = trim(comment === -1 ? line : line.slice(0, comment));
    // A file in a file would have no end.
    if (item !== "" && !/^!?[\t-\r ]*\//.test(item)) yield item;
  }
}
