import { DeferError } from "@postbus/mail";
import { compileExpansion } from "../../expansion/compile-expansion.ts";
import { createEvaluation } from "../../expansion/create-evaluation.ts";
import type { Variables } from "../../expansion/evaluation.ts";
import type { Expansion } from "../../expansion/expansion.ts";
import { ForcedFailure, failureText } from "../../expansion/failures.ts";
import { textOf } from "../../expansion/value.ts";
import type { SharedSurroundings } from "../../load/policy-surroundings.ts";
import { splitList } from "../../matching/split-list.ts";
import type { transportOptions } from "../../options/transports/generic.ts";
import type { MessageOptions } from "../../policy.ts";
import type { OptionSet } from "../../reader/option-set.ts";
import { addedLines } from "./added-lines.ts";
import { headerRewriting } from "./header-rewriting.ts";
import type { SiteNames } from "./local/site-names.ts";

type Options = Pick<OptionSet<typeof transportOptions>, "get">;

/** The generic options of a transport that change the message. */
export interface CompiledMessageOptions {
  /** Those that may name variables; empty: they are the same for every message. */
  readonly sources: readonly string[];
  /**
   * As they are for one message; undefined: it goes as it is.
   *
   * @throws {DeferError} something cannot be expanded.
   */
  at(variables: Variables): MessageOptions | undefined | Promise<MessageOptions>;
}

/**
 * `headers_add`, `headers_remove`, `headers_rewrite`, `headers_only`, `body_only`, `return_path`, `return_path_add`, `envelope_to_add`,
 * `delivery_date_add` (Exim's manual, "Generic options for transports").
 */
export function compileMessageOptions(
  options: Options,
  shared: SharedSurroundings,
  { qualifyRecipient, logsRewrites }: Pick<SiteNames, "qualifyRecipient" | "logsRewrites">,
): CompiledMessageOptions {
  const returnPath = options.get("return_path");
  const returnPathExpansion = returnPath === undefined ? undefined : compileExpansion(returnPath);
  const headersAdd = (options.get("headers_add") ?? []).flatMap(addedLines).map(compileExpansion);
  const headersRemove = (options.get("headers_remove") ?? [])
    .flatMap((line) => [...splitList(line).items])
    .filter((item) => item !== "")
    .map(compileExpansion);
  const rewriting = headerRewriting(options.get("headers_rewrite"), logsRewrites);
  const fixed = {
    only: options.get("headers_only") ? "headers" : options.get("body_only") ? "body" : undefined,
    adds: {
      returnPath: options.get("return_path_add"),
      envelopeTo: options.get("envelope_to_add"),
      deliveryDate: options.get("delivery_date_add"),
    },
  } as const;
  const expansions = [
    ...headersAdd,
    ...headersRemove,
    ...(returnPathExpansion === undefined ? [] : [returnPathExpansion]),
  ];
  const sources = [
    ...expansions.filter(({ constant }) => constant === undefined).map(({ source }) => source),
    ...(rewriting?.sources ?? []),
  ];
  const isUnchanged = expansions.length === 0 && rewriting === undefined;
  const changesNothing = isUnchanged && fixed.only === undefined && !Object.values(fixed.adds).includes(true);
  if (changesNothing) return { sources, at: () => undefined };
  if (sources.length === 0) {
    const constants = (of: readonly Expansion[]) => of.map(({ constant = "" }) => textOf(constant));
    const [path] = constants(returnPathExpansion === undefined ? [] : [returnPathExpansion]);
    const lines = constants(headersAdd)
      .filter((text) => text !== "")
      .map(ended);
    const same = { ...fixed, returnPath: path, headersAdd: lines, headersRemove: constants(headersRemove) };
    return { sources, at: () => same };
  }
  return {
    sources,
    async at(variables) {
      const path =
        returnPathExpansion === undefined ? undefined : await expandedPath(returnPathExpansion, variables, shared);
      const own = path === undefined ? variables : withReturnPath(variables, path);
      return {
        ...fixed,
        returnPath: path,
        headersAdd: (await expandedAll(headersAdd, own, shared)).map(ended),
        headersRemove: await expandedAll(headersRemove, own, shared),
        ...(rewriting === undefined
          ? {}
          : { rewriteHeader: rewriting.at({ ...shared, variables: own }, qualifyRecipient) }),
      };
    },
  };
}

const ended = (text: string): string => (text.endsWith("\n") ? text : `${text}\n`);

/** What the other options see as `$return_path` is what this one has made of it. */
const withReturnPath = (variables: Variables, path: string): Variables => ({
  get: (name) => (name === "return_path" ? path : variables.get(name)),
  headers: variables.headers,
});

/** A forced failure leaves the return path as it is. */
async function expandedPath(
  expansion: Expansion,
  variables: Variables,
  shared: SharedSurroundings,
): Promise<string | undefined> {
  try {
    return textOf(await expansion.run(createEvaluation({ ...shared, variables })));
  } catch (err) {
    const text = failureText(err);
    if (text === undefined) throw err;
    if (err instanceof ForcedFailure) return undefined;
    throw new DeferError("transport", `failed to expand return path "${expansion.source}": ${text}`, { cause: err });
  }
}

/** Those that come out empty, or are made to fail, are left out. */
async function expandedAll(
  expansions: readonly Expansion[],
  variables: Variables,
  shared: SharedSurroundings,
): Promise<string[]> {
  const values: string[] = [];
  for (const expansion of expansions) {
    try {
      const value = textOf(await expansion.run(createEvaluation({ ...shared, variables })));
      if (value !== "") values.push(value);
    } catch (err) {
      const text = failureText(err);
      if (text === undefined) throw err;
      if (err instanceof ForcedFailure) continue;
      throw new DeferError("transport", `failed to expand headers_add or headers_remove: ${text}`, { cause: err });
    }
  }
  return values;
}
