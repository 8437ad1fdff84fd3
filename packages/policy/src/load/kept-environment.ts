import { compilePattern } from "../expansion/regex-use.ts";
import { splitList } from "../matching/split-list.ts";

/**
 * The variables of the process that `${env}` may see: those that `keep_environment` names (names, `*`, patterns that begin
 * with `^`), and what `add_environment` sets.
 */
export function keptEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  keep: string | undefined,
  add: string | undefined,
): Record<string, string | undefined> {
  const tests = keep === undefined ? [] : [...splitList(keep).items].map(nameTest);
  const kept = Object.entries(environment).filter(([name]) => tests.some((test) => test(name)));
  const added = add === undefined ? [] : [...splitList(add).items].map(assignment);
  return { __proto__: null as never, ...Object.fromEntries([...kept, ...added]) };
}

function nameTest(item: string): (name: string) => boolean {
  if (item.startsWith("^")) {
    const pattern = compilePattern(item);
    return (name) => pattern.exec(name) !== undefined;
  }
  if (item.startsWith("*")) return (name) => name.endsWith(item.slice(1));
  return (name) => name === item;
}

function assignment(text: string): [string, string] {
  const at = text.indexOf("=");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
