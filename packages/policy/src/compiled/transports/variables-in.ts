import type { VariableTest } from "../../policy.ts";

/** Words that bring strings which are known only when they are used: anything may be in those. */
const OPEN = ["expand", "acl", "lookup"];

/** Which variables texts may name. It may be more than they do; what is left out is what cannot be meant. */
export function variablesIn(texts: readonly string[]): VariableTest {
  const words = new Set(texts.flatMap((text) => text.match(/[A-Za-z0-9_]+/g) ?? []));
  return OPEN.some((word) => words.has(word)) ? () => true : (name) => words.has(name);
}
