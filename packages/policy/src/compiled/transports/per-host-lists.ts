import { compileExpansion } from "../../expansion/compile-expansion.ts";
import type { Evaluation } from "../../expansion/evaluation.ts";
import { textOf } from "../../expansion/value.ts";
import { type CompiledList, compileList } from "../../matching/compile-list.ts";
import type { TargetHost } from "./smtp-transport.ts";

/** Host lists of a transport: each says whether a host is in it, by its name and its address. */
export class PerHostLists<N extends string> {
  readonly texts: readonly string[];
  /** What they say, if they say the same of every host. */
  readonly constants: Readonly<Record<N, boolean>> | undefined;
  readonly #lists: readonly (readonly [N, boolean | CompiledList])[];

  constructor(texts: Readonly<Record<N, string>>) {
    const names = Object.keys(texts) as N[];
    this.texts = names.map((name) => texts[name]);
    this.#lists = names.map((name) => [name, compiled(texts[name])] as const);
    this.constants = this.#lists.every(([, list]) => typeof list === "boolean")
      ? (Object.fromEntries(this.#lists) as Record<N, boolean>)
      : undefined;
  }

  /** @throws {DeferError} one cannot say. */
  async answers(evaluation: Evaluation, { name, address }: TargetHost): Promise<Readonly<Record<N, boolean>>> {
    if (this.constants !== undefined) return this.constants;
    const answers: [N, boolean][] = [];
    for (const [option, list] of this.#lists) {
      const isIn = typeof list === "boolean" ? list : (await list.match(evaluation, { address, name })) !== undefined;
      answers.push([option, isIn]);
    }
    return Object.fromEntries(answers) as Record<N, boolean>;
  }
}

function compiled(text: string): boolean | CompiledList {
  // What is the same each time it is expanded is looked at once.
  const { constant } = compileExpansion(text);
  const trimmed = constant === undefined ? text.trim() : textOf(constant).trim();
  if (trimmed === "" || trimmed === "*") return trimmed === "*";
  return compileList("host", text);
}
