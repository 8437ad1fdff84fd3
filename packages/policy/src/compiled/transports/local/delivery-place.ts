import { compileExpansion } from "../../../expansion/compile-expansion.ts";
import { createEvaluation } from "../../../expansion/create-evaluation.ts";
import type { Evaluation, Variables } from "../../../expansion/evaluation.ts";
import type { Expansion } from "../../../expansion/expansion.ts";
import { textOf } from "../../../expansion/value.ts";
import type { SharedSurroundings } from "../../../load/policy-surroundings.ts";
import type { transportOptions } from "../../../options/transports/generic.ts";
import type { OptionSet } from "../../../reader/option-set.ts";
import { readInteger } from "../../../reader/option-value.ts";
import { ValueError } from "../../../reader/value-error.ts";
import { deferredBy, expandOption, type Refusal } from "./refusal.ts";

/** As whom and where a local delivery is made; what is undefined, neither transport nor router says. */
export interface DeliveryPlace {
  /** A name or a number. */
  readonly user: string | undefined;
  readonly group: string | undefined;
  /** An absolute path. */
  readonly home: string | undefined;
  readonly directory: string | undefined;
  /** `message_size_limit`, octets; 0: none. */
  readonly sizeLimit: number;
}

/** What the router says of it. */
export interface RoutedPlace {
  readonly user?: string | undefined;
  readonly group?: string | undefined;
}

/** With the variables for the other options: `home` is what it is now. */
export interface PlacedDelivery {
  readonly kind: "placed";
  readonly place: DeliveryPlace;
  readonly variables: Variables;
}

export type OwnVariables = Readonly<Record<string, string | undefined>>;

export interface CompiledPlace {
  /** Of the options, for what they may name. */
  readonly sources: readonly string[];
  /**
   * @param variables Of the address; `home` is the router's.
   * @param own Variables that there are only while this delivery is made.
   */
  at(variables: Variables, own: OwnVariables, router: RoutedPlace): Promise<PlacedDelivery | Refusal>;
}

/** Exim's number for a directory that cannot be used. */
const NOT_DIRECTORY = -21;

type Options = Pick<OptionSet<typeof transportOptions>, "get">;

/**
 * `user`, `group`, `home_directory`, `current_directory` and `message_size_limit` (Exim's manual, "Environment for running local transports"): the
 * transport's come before the router's; a group without a user of the same place belongs to that place's user.
 */
export function compilePlace(transport: string, options: Options, shared: SharedSurroundings): CompiledPlace {
  const optional = (text: string | undefined) => (text === undefined ? undefined : compileExpansion(text));
  const user = optional(options.get("user"));
  const group = optional(options.get("group"));
  const home = optional(options.get("home_directory"));
  const directory = optional(options.get("current_directory"));
  const expanded = async (expansion: Expansion | undefined, noun: string, evaluation: Evaluation) => {
    if (expansion === undefined) return undefined;
    const found = await expandOption(expansion, evaluation);
    if (found.kind === "value") return textOf(found.value);
    return deferredBy(
      `Failed to expand ${noun} string "${expansion.source}" for the ${transport} transport: ${found.text}`,
    );
  };
  const path = async (expansion: Expansion | undefined, noun: string, evaluation: Evaluation) => {
    if (expansion === undefined) return undefined;
    const found = await expandOption(expansion, evaluation);
    if (found.kind === "unexpanded") {
      const what = `${noun} directory "${expansion.source}" failed to expand for ${transport} transport`;
      return deferredBy(`${what}: ${found.text}`, NOT_DIRECTORY);
    }
    const text = textOf(found.value);
    if (text.startsWith("/")) return text;
    return deferredBy(`${noun} directory path "${text}" is not absolute for ${transport} transport`, NOT_DIRECTORY);
  };
  const sizeLimit = options.get("message_size_limit");
  const sizeExpansion = typeof sizeLimit === "string" ? compileExpansion(sizeLimit) : undefined;
  const octets = async (evaluation: Evaluation): Promise<number | Refusal> => {
    if (sizeExpansion === undefined) return typeof sizeLimit === "number" ? sizeLimit : 0;
    const found = await expandOption(sizeExpansion, evaluation);
    const text = found.kind === "value" ? textOf(found.value) : found.text;
    const size = found.kind === "value" ? parsedSize(text) : undefined;
    return size ?? deferredBy(`message_size_limit of ${transport} transport: not a size: ${text}`);
  };
  return {
    sources: [user, group, home, directory, sizeExpansion].flatMap((expansion) => expansion?.source ?? []),
    async at(variables, own, router) {
      const evaluation = createEvaluation({ ...shared, variables: withOwn(variables, own) });
      const ownUser = await expanded(user, "user", evaluation);
      if (typeof ownUser === "object") return ownUser;
      const ownGroup = await expanded(group, "group", evaluation);
      if (typeof ownGroup === "object") return ownGroup;
      const ownHome = await path(home, "home", evaluation);
      if (typeof ownHome === "object") return ownHome;
      const routed = variables.get("home") ?? "";
      const known = ownHome ?? (typeof routed === "string" || typeof routed === "object" ? textOf(routed) : "");
      const placed = withOwn(variables, known === "" ? own : { ...own, home: known });
      const ownDirectory = await path(directory, "current", createEvaluation({ ...shared, variables: placed }));
      if (typeof ownDirectory === "object") return ownDirectory;
      const limit = await octets(evaluation);
      if (typeof limit === "object") return limit;
      return {
        kind: "placed",
        variables: placed,
        place: {
          user: ownUser ?? router.user,
          group: ownGroup ?? (ownUser === undefined ? router.group : undefined),
          home: known === "" ? undefined : known,
          directory: ownDirectory,
          sizeLimit: limit,
        },
      };
    },
  };
}

const withOwn = (variables: Variables, own: OwnVariables): Variables => ({
  get: (name) => own[name] ?? variables.get(name),
  headers: variables.headers,
});

function parsedSize(text: string): number | undefined {
  try {
    return readInteger(text);
  } catch (err) {
    if (err instanceof ValueError) return undefined;
    throw err;
  }
}
