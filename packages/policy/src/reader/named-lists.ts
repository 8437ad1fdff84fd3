import type { Place, ProblemList } from "./problem.ts";
import { unquote } from "./quoted-string.ts";
import { ValueError } from "./value-error.ts";

/** What a named list is a list of; each kind has its own names. */
export type NamedListKind = "domain" | "host" | "address" | "localpart";

/** `domainlist NAME = text`. */
export interface NamedList {
  readonly name: string;
  readonly place: Place;
  readonly text: string;
  /** `domainlist_cache`: results are remembered although the text is expanded. */
  readonly isCached: boolean;
  readonly isHidden: boolean;
}

const DEFINITION =
  /^(hide[\t-\r ]+)?(domain|host|address|localpart)list(_cache)?[\t-\r ]+([A-Za-z0-9_]*)[\t-\r ]*(=?)[\t-\r ]*([\s\S]*)$/;

/** The named lists of a configuration, kept by kind. */
export class NamedLists {
  readonly #problems: ProblemList;
  readonly #lists: Readonly<Record<NamedListKind, Map<string, NamedList>>> = {
    domain: new Map(),
    host: new Map(),
    address: new Map(),
    localpart: new Map(),
  };

  constructor(problems: ProblemList) {
    this.#problems = problems;
  }

  get all(): Readonly<Record<NamedListKind, ReadonlyMap<string, NamedList>>> {
    return this.#lists;
  }

  /** @returns whether the line defines a list; one that is wrong becomes a problem. */
  takes(place: Place, line: string): boolean {
    const found = DEFINITION.exec(line);
    if (found === null) return false;
    const [, hide, kind, cache, name = "", sign, text = ""] = found;
    const lists = this.#lists[kind as NamedListKind];
    if (sign === "") this.#problems.error(place, `missing "=" after "${name}"`);
    else if (lists.has(name)) this.#problems.error(place, `duplicate name "${name}" for a named ${kind} list`);
    else {
      try {
        const list = { name, place, text: unquote(text), isCached: cache !== undefined, isHidden: hide !== undefined };
        lists.set(name, list);
      } catch (err) {
        if (!(err instanceof ValueError)) throw err;
        this.#problems.error(place, `${kind}list ${name}: ${err.message}`);
      }
    }
    return true;
  }
}
