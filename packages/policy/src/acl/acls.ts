import { trimStart } from "@postbus/mail";
import { type Eventual, then } from "../expansion/code.ts";
import { compileExpansion } from "../expansion/compile-expansion.ts";
import type { Expansion } from "../expansion/expansion.ts";
import { ForcedFailure, failureText } from "../expansion/failures.ts";
import { Tainted, textOf, type Value } from "../expansion/value.ts";
import type { AclStage } from "../options/acl/stage.ts";
import { aclStages } from "../options/acl/stage.ts";
import { parseAclText } from "../reader/acl-parser.ts";
import type { Configuration } from "../reader/configuration.ts";
import { type Place, type Problem, ProblemList } from "../reader/problem.ts";
import { type AclRun, MAX_DEPTH } from "./acl-run.ts";
import { type CompiledAcl, compileAcl } from "./compiled-acl.ts";
import { saidBy } from "./expanded.ts";
import { type FactName, factNames } from "./facts.ts";
import { independentAcls } from "./independence.ts";
import { missingFacts } from "./missing-facts.ts";
import type { Outcome } from "./outcome.ts";
import { runAcl } from "./run-acl.ts";
import { type ScanOptions, scanOptions } from "./scans/scan-options.ts";

/** The ACLs of a configuration, compiled; the options that say which runs when. Immutable, but for texts seen at run time. */
export class Acls {
  /** What is wrong with values, as far as that can be seen at load: each is a temporary refusal when it is reached. */
  readonly problems: readonly Problem[];
  readonly scanOptions: ScanOptions;
  readonly #named: ReadonlyMap<string, CompiledAcl>;
  readonly #options: ReadonlyMap<AclStage, { readonly expansion: Expansion; readonly place: Place }>;
  readonly #texts: readonly string[];
  readonly #independent: ReadonlySet<string>;
  readonly #mentioned = new Map<string, boolean>();
  readonly #inline = new Map<string, CompiledAcl | string>();

  /** @param facts Who can be asked in this program; conditions that need others are a problem. */
  constructor(configuration: Pick<Configuration, "acls" | "main">, facts: ReadonlySet<FactName> = new Set(factNames)) {
    this.#named = new Map(
      [...configuration.acls.values()].map(({ name, statements }) => [name, compileAcl(name, statements)]),
    );
    this.#options = new Map(optionsOf(configuration));
    this.problems = [
      ...[...this.#named.values()].flatMap((acl) => [...problemsOf(acl)]),
      ...missingFacts(configuration, facts),
    ];
    this.scanOptions = scanOptions(configuration);
    this.#independent = independentAcls(configuration.acls, this.scanOptions.dcc.addsHeader);
    this.#texts = [...configuration.acls.values()].flatMap(({ statements }) =>
      statements.flatMap(({ items }) => items.map(({ value }) => value)),
    );
  }

  /**
   * Whether a statement mentions a variable, in any form: what is dear is found out only then.
   *
   * @param variable One of a few: each answer is kept.
   */
  mentions(variable: string): boolean {
    let isMentioned = this.#mentioned.get(variable);
    if (isMentioned === undefined) {
      const options = [...this.#options.values()].map(({ expansion }) => expansion.source);
      isMentioned = [...options, ...this.#texts].some((text) => text.includes(variable));
      this.#mentioned.set(variable, isMentioned);
    }
    return isMentioned;
  }

  /** Whether runs of the stage's ACL may go on beside each other, since none of them can change what another one sees. */
  isIndependent(stage: AclStage): boolean {
    const name = this.#options.get(stage)?.expansion.constant;
    return typeof name === "string" && this.#independent.has(trimStart(name));
  }

  /** Whether an ACL is set for the stage. */
  has(stage: AclStage): boolean {
    return this.#options.has(stage);
  }

  /** Runs the ACL of the run's stage. Must be set. */
  runStage(run: AclRun): Eventual<Outcome> {
    const option = this.#options.get(run.stage);
    if (option === undefined) return "no";
    const { expansion, place } = option;
    if (expansion.constant !== undefined) return this.call(expansion.constant, place, run);
    try {
      const value = expansion.run(run.evaluation);
      if (!(value instanceof Promise)) return this.call(value, place, run);
      return value.then(
        (later) => this.call(later, place, run),
        (error: unknown) => notChosen(error, expansion, run),
      );
    } catch (error) {
      return notChosen(error, expansion, run);
    }
  }

  /** Runs an ACL by its name, out of a file, or its text as it stands. What a peer has chosen is none of these. */
  call(which: Value, place: Place, run: AclRun): Eventual<Outcome> {
    if (which instanceof Tainted) {
      run.session.log(["main", "panic"], `attempt to use tainted ACL text "${textOf(which)}"`);
      run.log = "internal configuration error";
      return "error";
    }
    const text = trimStart(which);
    return then(this.#find(text, place, run), (acl) => {
      if (typeof acl !== "string") return runAcl(acl, run);
      run.log = acl;
      return "error";
    });
  }

  /** Calls from a running ACL, which its own depth counts. */
  callNested(which: Value, place: Place, run: AclRun): Eventual<Outcome> {
    if (run.depth >= MAX_DEPTH) {
      run.log = `ACL nested too deep: possible loop`;
      return "error";
    }
    run.depth += 1;
    const leave = (outcome: Outcome): Outcome => {
      run.depth -= 1;
      return outcome;
    };
    try {
      const outcome = this.call(which, place, run);
      if (!(outcome instanceof Promise)) return leave(outcome);
      return outcome.then(leave, (error: unknown) => leave(saidBy(error, run)));
    } catch (error) {
      return leave(saidBy(error, run));
    }
  }

  /** @returns A text: why there is none. */
  #find(text: string, place: Place, run: AclRun): Eventual<CompiledAcl | string> {
    const named = this.#named.get(text);
    if (named !== undefined) return named;
    const known = this.#inline.get(text);
    if (known !== undefined) return known;
    if (!text.startsWith("/") || text.includes(" ")) return this.#keep(text, text, place);
    const { readAclFile } = run.session.hooks;
    if (readAclFile === undefined) return `failed to open ACL file "${text}"`;
    // A file that changes is another one: it is read at each use, and compiled once.
    return then(readAclFile(text), (content) => {
      if (content === undefined) return `failed to open ACL file "${text}"`;
      return this.#inline.get(content) ?? this.#keep(content, text, { file: text, line: 1 });
    });
  }

  #keep(text: string, name: string, place: Place): CompiledAcl | string {
    const compiled = compileText(text, name, place);
    if (this.#inline.size >= MAX_TEXTS) this.#inline.clear();
    this.#inline.set(text, compiled);
    return compiled;
  }
}

/** Texts that come out of expansions: how many are kept compiled. */
const MAX_TEXTS = 200;

function compileText(text: string, name: string, place: Place): CompiledAcl | string {
  const problems = new ProblemList();
  const statements = parseAclText(text, place, problems);
  const wrong = problems.all.find(({ kind }) => kind === "error");
  return wrong === undefined ? compileAcl(name.slice(0, 60), statements) : wrong.text;
}

function notChosen(error: unknown, { source }: Expansion, run: AclRun): Outcome {
  if (error instanceof ForcedFailure) return "yes";
  const outcome = saidBy(error, run);
  run.log = `failed to expand ACL string "${source}": ${failureText(error) ?? ""}`;
  return outcome === "defer" ? "defer" : "error";
}

function* optionsOf({
  main,
}: Pick<Configuration, "main">): Generator<[AclStage, { readonly expansion: Expansion; readonly place: Place }]> {
  for (const stage of aclStages) {
    const name = optionName(stage);
    const setting = main.setting(name);
    const value = setting?.value ?? main.get(name);
    if (typeof value !== "string") continue;
    yield [stage, { expansion: compileExpansion(value), place: setting?.place ?? { file: "default", line: 0 } }];
  }
}

const optionName = (stage: AclStage) =>
  (stage.startsWith("not_smtp") ? `acl_${stage as "not_smtp"}` : `acl_smtp_${stage as "rcpt"}`) as "acl_smtp_rcpt";

function* problemsOf({ statements }: CompiledAcl): Generator<Problem> {
  for (const { problems } of statements) {
    for (const { place, text } of problems) yield { kind: "notice", place, text };
  }
}
