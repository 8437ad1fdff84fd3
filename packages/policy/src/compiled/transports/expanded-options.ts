import { DeferError } from "@postbus/mail";
import { type Eventual, then } from "../../expansion/code.ts";
import { compileExpansion } from "../../expansion/compile-expansion.ts";
import type { Evaluation } from "../../expansion/evaluation.ts";
import type { Expansion } from "../../expansion/expansion.ts";
import { ForcedFailure, failureText } from "../../expansion/failures.ts";
import type { Value } from "../../expansion/value.ts";

/** Options of a transport that are expanded, compiled. */
export class ExpandedOptions<N extends string> {
  readonly texts: readonly string[];
  /** Their values, if they are the same for every message. */
  readonly constants: Readonly<Record<N, Value>> | undefined;
  readonly #expansions: readonly (readonly [N, Expansion])[];

  constructor(texts: Readonly<Record<N, string>>) {
    const names = Object.keys(texts) as N[];
    this.texts = names.map((name) => texts[name]);
    this.#expansions = names.map((name) => [name, compileExpansion(texts[name])] as const);
    const isConstant = this.#expansions.every(([, { constant }]) => constant !== undefined);
    this.constants = isConstant ? this.#made(this.#expansions.map(([, { constant }]) => constant ?? "")) : undefined;
  }

  constant(name: N): Value | undefined {
    return this.#expansions.find(([one]) => one === name)?.[1].constant;
  }

  /** An option that is made to fail is empty. @throws {DeferError} one cannot be expanded. */
  async values(evaluation: Evaluation): Promise<Readonly<Record<N, Value>>> {
    const values: Value[] = [];
    for (const [name, expansion] of this.#expansions) values.push(await expandedOption(name, expansion, evaluation));
    return this.#made(values);
  }

  #made(values: readonly Value[]): Readonly<Record<N, Value>> {
    return Object.fromEntries(this.#expansions.map(([name], i) => [name, values[i] ?? ""])) as Record<N, Value>;
  }
}

/** The value of an option; empty if it is made to fail. @throws {DeferError} it cannot be expanded. */
export function expandedOption(name: string, expansion: Expansion, evaluation: Evaluation): Eventual<Value> {
  const failed = (err: unknown): Value => {
    if (err instanceof ForcedFailure) return "";
    const text = failureText(err);
    if (text === undefined) throw err;
    throw new DeferError("smtp", `failed to expand ${name} "${expansion.source}": ${text}`, { cause: err });
  };
  try {
    const value = expansion.run(evaluation);
    return value instanceof Promise ? value.catch(failed) : then(value, (known) => known);
  } catch (err) {
    return failed(err);
  }
}
