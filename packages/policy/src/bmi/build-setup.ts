import type { BmiDestination, BmiEngine, BmiProfile, BmiRule, BmiSetup } from "@postbus/contracts";
import type { OptionTable } from "../options/option.ts";
import type { Driver } from "../reader/driver-section.ts";
import type { Place, ProblemList } from "../reader/problem.ts";
import { splitPlainList } from "../reader/split-plain-list.ts";
import type { destinationOptions, profileOptions, ruleOptions } from "./block-options.ts";
import type { Block } from "./block-section.ts";
import { type EngineKind, SAYS } from "./engine-options.ts";
import { parseServer } from "./parse-server.ts";
import type { SetupFile } from "./setup-file.ts";

/** The profile of those whom none of the file's is for. */
const DEFAULT_PROFILE = "default";
/** A client waits for 10 minutes behind the final dot (RFC 5321 §4.5.3.2.6), and there is more to be done. */
const MAX_TIMEOUT_MS = 300_000;
/** What `alternate` and engines are given is one line. */
const CONTROL = /[^ -~\x80-\xff]/;

/** Makes a setup of a BMI file's sections, and everything that is wrong with them into problems. */
export class SetupBuilder {
  readonly #file: SetupFile;
  readonly #problems: ProblemList;
  readonly #engines: ReadonlyMap<string, EngineKind>;
  readonly #profiles: ReadonlySet<string>;
  readonly #rules: ReadonlySet<string>;

  constructor(file: SetupFile, problems: ProblemList) {
    this.#file = file;
    this.#problems = problems;
    this.#engines = new Map(file.engines.map(({ name, kind }) => [name, kind as EngineKind]));
    this.#profiles = new Set([DEFAULT_PROFILE, ...file.profiles.map(({ name }) => name)]);
    this.#rules = new Set(file.rules.map(({ name }) => name));
  }

  /** With problems of the kind `error`, it is not to be used. */
  build(): BmiSetup {
    const { engines, profiles, rules, destinations } = this.#file;
    return {
      engines: engines.map((engine) => this.#engine(engine)),
      profiles: profiles.map((profile) => this.#profile(profile)),
      rules: rules.map((rule) => this.#rule(rule)),
      destinations: destinations.map((destination) => this.#destination(destination)),
    };
  }

  #engine({ name, kind, place, options: all }: Driver): BmiEngine {
    const options = new Named(`engine ${name}`, place, all, this.#problems);
    const server = parseServer(options.text("server") ?? "");
    if (server === undefined) options.error("server", 'a path, or a host and a port ("localhost 783"), is expected');
    const timeoutMs = options.number("timeout") ?? 0;
    if (timeoutMs <= 0 || timeoutMs > MAX_TIMEOUT_MS) options.error("timeout", "a time up to 5m is expected");
    const limit = options.number("message_size_limit") ?? 0;
    if (limit < 0) options.error("message_size_limit", "a number of octets is expected");
    const common = {
      name,
      server: server ?? { path: "/" },
      timeoutMs,
      ...(limit > 0 ? { maxOctets: limit } : {}),
      ...(options.flag("optional") === true ? { isOptional: true as const } : {}),
    };
    if (kind === "rspamd") return { driver: "rspamd", ...common };
    if (kind === "spamd") return { driver: "spamd", ...common, user: options.text("user") ?? "" };
    return { driver: "clamd", ...common };
  }

  #profile({ name, place, options: all }: Block<typeof profileOptions>): BmiProfile {
    const options = new Named(`profile ${name}`, place, all, this.#problems);
    const settings = options.text("settings");
    const user = options.text("user");
    const engines = options.names("engines", "engine", this.#engines);
    return {
      name,
      optin: options.list("optin") ?? [],
      ...(settings === undefined ? {} : { settings }),
      ...(user === undefined ? {} : { user }),
      ...(engines === undefined ? {} : { engines }),
    };
  }

  #rule({ name, place, options: all }: Block<typeof ruleOptions>): BmiRule {
    const options = new Named(`rule ${name}`, place, all, this.#problems);
    const number = numberOf(name);
    if (number === undefined) this.#problems.error(place, `rule ${name}: its name must be a number, 1 or more`);
    const questions = this.#questions(options);
    if (questions.test === undefined) {
      this.#problems.error(place, `rule ${name}: it asks nothing: symbol, action, spam, score or malware is expected`);
    }
    const { profiles, test = {} } = questions;
    return { number: number ?? 1, ...(profiles === undefined ? {} : { profiles }), test };
  }

  #destination({ name, place, options: all }: Block<typeof destinationOptions>): BmiDestination {
    const options = new Named(`destination ${name}`, place, all, this.#problems);
    const alternate = options.text("alternate");
    const ways: BmiDestination["to"][] = [];
    if (options.flag("drop") === true) ways.push("drop");
    if (options.flag("default") === true) ways.push("default");
    if (alternate !== undefined) ways.push({ alt: alternate });
    if (alternate === "") options.error("alternate", "a text is expected");
    if (ways.length !== 1) {
      this.#problems.error(place, `destination ${name}: one of drop, default and alternate is expected`);
    }
    const rules = options.names("rules", "rule", this.#rules)?.map((rule) => numberOf(rule) ?? 0);
    return { name, ...(rules === undefined ? {} : { rules }), ...this.#questions(options), to: ways[0] ?? "default" };
  }

  #questions(options: Named): Pick<BmiDestination, "profiles" | "test"> {
    const profiles = options.names("profile", "profile", this.#profiles);
    const engines = options.names("engine", "engine", this.#engines);
    const asked = {
      symbols: options.list("symbol"),
      actions: options.list("action"),
      isSpam: options.flag("spam"),
      score: options.number("score"),
      malware: options.list("malware"),
    };
    const test = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
    const questions = Object.keys(test);
    const kinds = engines?.map((name) => this.#engines.get(name)) ?? [...this.#engines.values()];
    const canSay = (kind: EngineKind | undefined): boolean =>
      kind !== undefined && questions.every((question) => SAYS[kind].has(question));
    if (questions.length === 0) {
      if (engines !== undefined) options.error("engine", "nothing is asked of its answer");
    } else if (!kinds.some(canSay)) options.error("engine", "none of the engines gives an answer to all that is asked");
    return {
      ...(profiles === undefined ? {} : { profiles }),
      ...(questions.length === 0 ? {} : { test: engines === undefined ? test : { ...test, engines } }),
    };
  }
}

const numberOf = (name: string): number | undefined => (/^[1-9][0-9]{0,8}$/.test(name) ? Number(name) : undefined);

/** Options that are looked at by name, whatever the table: a block's, or an engine's. */
class Named {
  readonly #subject: string;
  readonly #place: Place;
  readonly #options: Pick<Driver["options"], "setting" | "get">;
  readonly #problems: ProblemList;

  constructor(
    subject: string,
    place: Place,
    options: Driver["options"] | Block<OptionTable>["options"],
    problems: ProblemList,
  ) {
    this.#subject = subject;
    this.#place = place;
    this.#options = options;
    this.#problems = problems;
  }

  error(name: string, text: string): void {
    this.#problems.error(this.#options.setting(name)?.place ?? this.#place, `${this.#subject}: ${name}: ${text}`);
  }

  text(name: string): string | undefined {
    const value = this.#options.get(name);
    if (typeof value !== "string") return undefined;
    if (CONTROL.test(value)) this.error(name, "control characters are not allowed");
    return value;
  }

  number(name: string): number | undefined {
    const value = this.#options.get(name);
    return typeof value === "number" ? value : undefined;
  }

  flag(name: string): boolean | undefined {
    const value = this.#options.get(name);
    return typeof value === "boolean" ? value : undefined;
  }

  list(name: string): string[] | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const items = splitPlainList(text).filter((item) => item !== "");
    if (items.length === 0) this.error(name, "a list with something in it is expected");
    return items;
  }

  /** A list of things that the file has. */
  names(
    name: string,
    noun: string,
    known: { has(name: string): boolean; keys(): Iterable<string> },
  ): string[] | undefined {
    const items = this.list(name);
    for (const item of items ?? []) {
      if (known.has(item)) continue;
      this.error(name, `there is no ${noun} "${item}"${this.#problems.suggest(item, () => known.keys())}`);
    }
    return items;
  }
}
