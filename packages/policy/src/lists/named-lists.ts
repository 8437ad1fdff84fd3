import type { NamedList } from "../config/main-section.ts";
import { type Problems, ValueError } from "../config/problems.ts";

type Test = (subject: string) => boolean;

/** Compiles one item list; `named` gives the test of a `+name` item. */
export type CompileList = (text: string, named: (name: string) => Test) => Test;

/** The named lists of one kind, compiled; a list that is wrong is reported where it stands, and matches nothing. */
export function compileNamedLists(
  kind: "domainlist" | "hostlist",
  lists: ReadonlyMap<string, NamedList>,
  compile: CompileList,
  problems: Problems,
): ReadonlyMap<string, Test> {
  const tests = new Map<string, Test>();
  const open = new Set<string>();

  const test = (name: string): Test => {
    const done = tests.get(name);
    if (done !== undefined) return done;
    const list = lists.get(name);
    if (list === undefined) throw new ValueError(`+${name}: there is no ${kind} of this name`);
    if (open.has(name)) throw new ValueError(`+${name}: the list refers to itself`);
    open.add(name);
    const compiled = problems.try(list.where, () => compile(list.text, test), `${kind} ${name}`) ?? never;
    open.delete(name);
    tests.set(name, compiled);
    return compiled;
  };
  for (const name of lists.keys()) test(name);
  return tests;
}

const never = (): boolean => false;
