import { setImmediate } from "node:timers/promises";
import type { Resolver } from "@postbus/dns";
import type { LookupScope, Lookups } from "@postbus/lookups";
import type { ItemTest } from "../matching/item.ts";
import type { Matched } from "../matching/matched.ts";
import type { NamedLists } from "../matching/named-lists.ts";
import type { Expansion } from "./expansion.ts";
import { ExpansionDefer, ExpansionFailure } from "./failures.ts";
import type { Value } from "./value.ts";

/**
 * The variables that have a value now. Names and kinds are in the table of variables: for a name of the table that has
 * no value here, the expansion takes what its kind says (empty, `0`, `no`), and what the table calls tainted is
 * tainted whatever form it is given in.
 */
export interface Variables {
  /** @param name Without the dollar; also `acl_c…`, `acl_m…`, `r_…`. */
  get(name: string): Value | number | boolean | undefined;
  /** The header section that belongs to them, where none is given apart. */
  readonly headers?: Headers | undefined;
}

/** The header section of the message, as far as it is known. */
export interface Headers {
  /**
   * @param name In lower case.
   * @returns What stands behind the colon of each occurrence, in order, as it came: folded, with LF (no CR), the last one included.
   */
  occurrences(name: string): readonly string[];
}

/** What became of an ACL that an expansion has called. */
export interface AclOutcome {
  readonly verdict: "accept" | "deny" | "defer" | "error";
  /** Text of the `message` modifier that applied. */
  readonly message?: Value | undefined;
}

/** Options of the main section that change what an expansion or a list gives. */
export interface LanguageSettings {
  readonly primaryHostname: string;
  /** `headers_charset`. */
  readonly headersCharset: string;
  /** `strict_acl_vars`: reading an ACL variable that is not set fails. */
  readonly hasStrictAclVariables: boolean;
  /** `print_topbitchars`: octets above 126 count as printing. */
  readonly printsTopBit: boolean;
  /** `srs_secrets`, as written: what `+srs_secrets` stands for. */
  readonly srsSecrets?: string | undefined;
  /** `timezone`: a name of the zone database, e.g. `Europe/Vienna`; `UTC`. */
  readonly timeZone: string;
  /** IP addresses of the interfaces that `@[]` stands for. */
  readonly localAddresses: readonly string[];
  /** Host names in addition to the primary one that count as this host in `@mx_any` and its relatives: `hosts_treat_as_local`. */
  readonly localHostNames: readonly string[];
  /** Programs, by absolute name, that `${run}` may start. None: `${run}` fails. */
  readonly programs: ReadonlySet<string>;
}

export const defaultLanguageSettings: LanguageSettings = {
  primaryHostname: "",
  headersCharset: "UTF-8",
  hasStrictAclVariables: false,
  printsTopBit: false,
  timeZone: "UTC",
  localAddresses: [],
  localHostNames: [],
  programs: new Set(),
};

/** What expansions and lists need from outside. What is absent is not available there: its use fails. */
export interface Surroundings {
  readonly variables: Variables;
  readonly headers?: Headers;
  readonly lists: NamedLists;
  readonly lookups?: Lookups;
  /** Answers of lookups in this context. */
  readonly lookupCache?: LookupScope["cache"];
  /**
   * Runs an ACL for `${acl}`; its arguments are in `evaluation.aclArguments` (`$acl_arg1`…).
   * A tainted or unknown name is the verdict `error`.
   */
  callAcl?(name: Value, evaluation: Evaluation): AclOutcome | Promise<AclOutcome>;
  readonly resolver?: Resolver;
  /** What stands behind the id in `${authresults}`: `;\n\tspf=pass …`. */
  authenticationResults?(id: Value): Value | Promise<Value>;
  /** A thing that works but is dangerous: a query with data of a peer that is not quoted. */
  warn?(text: string): void;
  /** For the log: what has become of a host list in which there is a name that does not exist. @param selector It is told only with it. */
  listEnded?(text: string, selector?: "unknown_in_list"): void;
  /** For the log: a host list names a host that has no address. */
  hostNotFound?(name: string): void;
  /** For the log: a host list has asked for the name of an address that has none. */
  nameNotFound?(address: string): void;
  readonly settings: LanguageSettings;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** An integer from 0 up to, not including, `below`. */
  readonly random: (below: number) => number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Ends all waiting: lookups, sockets, the DNS. */
  readonly signal?: AbortSignal;
}

/** What the language can do at run time: strings that become known only then. */
export interface Language {
  compile(source: string): Expansion;
  /** For the lookups whose keys are items of lists or strings to expand. */
  lookupScope(evaluation: Evaluation): LookupScope;
}

/**
 * The state of evaluating: what is around, and the variables that are local to a construct. One for each context (an SMTP
 * transaction, a routing run), made by `createEvaluation`; expansions in it run one after the other.
 */
export class Evaluation {
  readonly around: Surroundings;
  readonly language: Language;
  /** `$item`. */
  item: Value = "";
  /** `$value`. */
  value: Value = "";
  /** `$0`, `$1`, …: of the last match. */
  captures: readonly Value[] = [];
  /** `$acl_arg1`…; `$acl_narg` is their number. */
  aclArguments: readonly Value[] = [];
  /** Stands in for `$domain` or `$local_part` while a list is expanded for a subject and they have no value. */
  listSubject: { readonly name: "domain" | "local_part"; readonly value: Value } | undefined;
  // Made when they are needed: there is an evaluation for every message.
  #locals: Map<string, Value> | undefined;
  #listAnswers: Map<string, Matched | undefined> | undefined;
  #listFiles: Map<string, ItemTest> | undefined;
  #steps = 0;
  #sinceYield = 0;
  #depth = 0;

  constructor(around: Surroundings, language: Language) {
    this.around = around;
    this.language = language;
  }

  /** Variables that items set for what follows: `prvscheck_address`, `srs_recipient`, `runrc`, … */
  get locals(): Map<string, Value> {
    this.#locals ??= new Map();
    return this.#locals;
  }

  /** Answers of named lists, and files of items; whoever starts the next message calls `forgetLists`. */
  get listAnswers(): Map<string, Matched | undefined> {
    this.#listAnswers ??= new Map();
    return this.#listAnswers;
  }

  get listFiles(): Map<string, ItemTest> {
    this.#listFiles ??= new Map();
    return this.#listFiles;
  }

  /**
   * Counts work, so that no policy and no peer can stall the service. One step is about 50 ns, or 64 octets copied.
   *
   * @throws {ExpansionFailure} the budget of the expansion is used up.
   */
  step(octets = 0): void {
    this.spend(1 + (octets >>> 6));
  }

  /** As `step`, for work that is known in steps. */
  spend(steps: number): void {
    this.#sinceYield += steps;
    this.#steps += steps;
    if (this.#steps > MAX_STEPS) throw new ExpansionFailure("expansion takes too long");
  }

  /** Whoever goes round in a loop calls `pause` when this is true. */
  get mustPause(): boolean {
    return this.#sinceYield >= PAUSE_STEPS;
  }

  /** Lets others run. @throws {ExpansionDefer} nobody waits for the result any more. */
  async pause(): Promise<void> {
    this.#sinceYield = 0;
    await setImmediate();
    if (this.around.signal?.aborted === true) throw new ExpansionDefer("given up: no time left");
  }

  /** The next message: what lists have said holds no longer. */
  forgetLists(): void {
    this.#listAnswers?.clear();
    this.#listFiles?.clear();
  }

  /** Around each expansion from outside: the budget is for one, with all that it calls. Pairs with `leave`. */
  enter(): void {
    if (this.#depth === 0) {
      this.#steps = 0;
      this.#sinceYield = 0;
    }
    if (this.#depth >= MAX_DEPTH) throw new ExpansionFailure("expansions are nested too deeply");
    this.#depth++;
  }

  leave(): void {
    this.#depth--;
  }
}

/** A string that becomes known only now is compiled: up to a microsecond for each octet. */
export const COMPILING_STEPS_PER_OCTET = 24;
/** For one expansion, with the ACLs and lists that it calls: about a tenth of a second of work. */
const MAX_STEPS = 2_000_000;
/** A few milliseconds. */
const PAUSE_STEPS = 50_000;
/** Expansion in a named list in an ACL in an expansion…; Exim bounds ACLs at 20. */
const MAX_DEPTH = 100;
