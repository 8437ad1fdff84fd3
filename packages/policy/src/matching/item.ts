import type { Evaluation } from "../expansion/evaluation.ts";
import type { Value } from "../expansion/value.ts";
import type { HostNames } from "./host-names.ts";
import type { Answer } from "./matched.ts";

/** A client, and what the reverse DNS has said of it. */
export interface NamedHost {
  readonly hostName: string | undefined;
  readonly otherHostNames: readonly string[];
  rememberNames(names: HostNames): void;
}

/** What a list is asked about. */
export interface Subject {
  /** As given, and as tainted as given. Of a host: its address. */
  readonly value: Value;
  readonly text: string;
  /** ASCII in lower case. */
  readonly lower: string;
  /** Of a host, if known: its name. */
  readonly hostName?: string | undefined;
  readonly host?: NamedHost | undefined;
}

/** What an item says about a subject. @throws {DeferError} it cannot be decided now. */
export type ItemTest = (evaluation: Evaluation, subject: Subject) => Answer;

/** A name that is needed and does not exist: neither a match nor none. `+include_unknown` and its relatives decide. */
export class UnknownHost extends Error {
  override readonly name = "UnknownHost";
}

/** How the items of a list are read; words like `+caseful` change it for the items behind them. */
export interface ItemOptions {
  /** Local parts: the case of letters counts. */
  readonly isCaseful: boolean;
  /** Hosts: names may be looked up. Not for `match_ip`, where nothing but addresses counts. */
  readonly usesNames: boolean;
  /** Part of the list comes from outside: it may name neither files nor lookups. */
  readonly isTainted: boolean;
}
