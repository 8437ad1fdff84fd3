import { type Eventual, then } from "../expansion/code.ts";
import { compileExpansion } from "../expansion/compile-expansion.ts";
import type { Expansion } from "../expansion/expansion.ts";
import { textOf, type Value } from "../expansion/value.ts";
import { aclConditions } from "../options/acl/conditions.ts";
import { aclModifiers } from "../options/acl/modifiers.ts";
import type { AllowedStages } from "../options/acl/stage.ts";
import type { AclVerb } from "../options/acl/verbs.ts";
import type { AclItem, AclStatement } from "../reader/acl-statement.ts";
import type { Place } from "../reader/problem.ts";
import type { AclRun } from "./acl-run.ts";
import { conditions } from "./conditions/index.ts";
import type { CheckRecord } from "./decision-record.ts";
import { expandedMessage, saidBy } from "./expanded.ts";
import { modifiers } from "./modifiers/index.ts";
import type { Outcome, Said } from "./outcome.ts";
import { plainValue } from "./plain-value.ts";
import { stageNames } from "./stage-names.ts";
import type { Test } from "./test.ts";

interface TestStep {
  readonly kind: "test";
  readonly check: CheckRecord["check"];
  readonly isModifier: boolean;
  readonly stages: AllowedStages;
  readonly test: Test;
}

interface MessageStep {
  readonly kind: "message" | "log_message";
  readonly expansion: Expansion;
}

type Step = TestStep | MessageStep | { readonly kind: "endpass" };

/** A statement, compiled. */
export interface CompiledStatement {
  readonly verb: AclVerb;
  readonly place: Place;
  readonly steps: readonly Step[];
  /** Why its values cannot be expanded or used, as far as that is known at load. */
  readonly problems: readonly { readonly place: Place; readonly text: string }[];
}

/** Compiles a statement; never throws: what is wrong with a value is a temporary refusal when it is reached. */
export function compileStatement({ verb, place, items }: AclStatement): CompiledStatement {
  const problems: { place: Place; text: string }[] = [];
  const steps = items.map((item) => compileStep(item, verb, (text) => problems.push({ place: item.place, text })));
  return { verb, place, steps, problems };
}

function compileStep(item: AclItem, verb: AclVerb, warn: (text: string) => void): Step {
  const { name, value, place } = item;
  if (item.kind === "condition") {
    const test = conditions[item.name].compile(value, { place, verb, warn });
    const check = {
      name,
      isNegated: item.isNegated,
      value,
      plainValue: plainValue(name, false, value),
      line: place.line,
    };
    return { kind: "test", check, isModifier: false, stages: aclConditions[item.name].stages, test };
  }
  if (item.name === "endpass") return { kind: "endpass" };
  if (item.name === "message" || item.name === "log_message") {
    const expansion = compileExpansion(value);
    if (expansion.problem !== undefined) warn(`${name}: ${expansion.problem}`);
    return { kind: item.name, expansion };
  }
  const source = { place, verb, warn, ...(item.name === "set" ? { variable: item.variable } : {}) };
  const shown = item.name === "set" ? `set ${item.variable}` : name;
  const check = { name: shown, isNegated: false, value, plainValue: plainValue(shown, true, value), line: place.line };
  const test = modifiers[item.name].compile(value, source);
  return { kind: "test", check, isModifier: true, stages: aclModifiers[item.name].stages, test };
}

/** What a statement has come by so far. */
interface Progress {
  message: Expansion | undefined;
  logMessage: Expansion | undefined;
  hasPassed: boolean;
}

/** What became of a statement: what its conditions say, and whether `endpass` was come by. */
export interface Tested {
  readonly outcome: Outcome;
  readonly hasPassed: boolean;
}

/** Tests the conditions of a statement in their order, up to the first that is not true. */
export function testStatement(
  { verb, steps }: CompiledStatement,
  run: AclRun,
  checks: CheckRecord[],
): Eventual<Tested> {
  const progress: Progress = { message: undefined, logMessage: undefined, hasPassed: false };
  const outcome = takeSteps(steps, 0, run, progress, checks);
  if (outcome instanceof Promise) return outcome.then((later) => settled(verb, later, run, progress));
  return settled(verb, outcome, run, progress);
}

function settled(verb: AclVerb, outcome: Outcome, run: AclRun, progress: Progress): Eventual<Tested> {
  const texts = withMessages(verb, outcome, run, progress);
  return texts instanceof Promise ? texts.then(() => tested(outcome, progress)) : tested(outcome, progress);
}

const tested = (outcome: Outcome, { hasPassed }: Progress): Tested => ({ outcome, hasPassed });

function takeSteps(
  steps: readonly Step[],
  from: number,
  run: AclRun,
  progress: Progress,
  checks: CheckRecord[],
): Eventual<Outcome> {
  for (let i = from; i < steps.length; i++) {
    const step = steps[i];
    if (step === undefined) break;
    switch (step.kind) {
      case "message":
        progress.message = step.expansion;
        break;
      case "log_message":
        progress.logMessage = step.expansion;
        break;
      case "endpass":
        progress.hasPassed = true;
        break;
      case "test": {
        const said = attempt(step, run);
        if (said instanceof Promise) return stepsBehind(said, step, steps, i, run, progress, checks);
        const end = noted(step, said, run, checks);
        if (end !== undefined) return end;
        break;
      }
      default:
        step satisfies never;
    }
  }
  return "yes";
}

/** Apart, since a loop with a closure in it makes an object for each of its turns. */
async function stepsBehind(
  awaited: Promise<Said>,
  step: TestStep,
  steps: readonly Step[],
  at: number,
  run: AclRun,
  progress: Progress,
  checks: CheckRecord[],
): Promise<Outcome> {
  const { decisions } = run.session.hooks;
  const startMs = decisions?.nowMs() ?? 0;
  const said = await awaited;
  const waitedUs = decisions === undefined ? undefined : Math.round((decisions.nowMs() - startMs) * 1000);
  return noted(step, said, run, checks, waitedUs) ?? takeSteps(steps, at + 1, run, progress, checks);
}

function attempt({ check, isModifier, stages, test }: TestStep, run: AclRun): Eventual<Said> {
  if (stages !== "all" && !stages.has(run.stage)) {
    const what = isModifier ? `use ${check.name} modifier` : `test ${check.name} condition`;
    run.log = `cannot ${what} in ${stageNames[run.stage]} ACL`;
    return "error";
  }
  // One budget of steps for the condition and all that it calls, ACLs included.
  const { evaluation } = run;
  try {
    evaluation.enter();
  } catch (error) {
    return saidBy(error, run);
  }
  let said: Eventual<Said>;
  try {
    said = test(run);
  } catch (error) {
    evaluation.leave();
    return saidBy(error, run);
  }
  if (said instanceof Promise) {
    return said.catch((error: unknown) => saidBy(error, run)).finally(() => evaluation.leave());
  }
  evaluation.leave();
  return said;
}

/** @returns undefined: the condition holds, and the next one is to be tested. */
function noted(
  { check }: TestStep,
  said: Said,
  run: AclRun,
  checks: CheckRecord[],
  waitedUs?: number,
): Outcome | undefined {
  checks.push({ check, said, note: run.note, waitedUs });
  run.note = undefined;
  if (said === "yes") return check.isNegated ? "no" : undefined;
  if (said === "ignored") return undefined;
  return check.isNegated && (said === "no" || said === "drop") ? undefined : said;
}

/** For which outcomes of its conditions a verb uses `message` and `log_message`. */
const USES_MESSAGES: Readonly<Record<AclVerb, ReadonlySet<Outcome>>> = {
  accept: new Set<Outcome>(["yes", "no", "drop"]),
  defer: new Set<Outcome>(["yes"]),
  deny: new Set<Outcome>(["yes"]),
  discard: new Set<Outcome>(["yes", "no", "drop"]),
  drop: new Set<Outcome>(["yes"]),
  require: new Set<Outcome>(["no", "drop"]),
  warn: new Set<Outcome>(["yes"]),
};

/** The texts of the statement's own, over those that its conditions have left. */
function withMessages(verb: AclVerb, outcome: Outcome, run: AclRun, progress: Progress): Eventual<void> {
  // Behind `endpass`, a message is what a refusal says.
  const own = progress.hasPassed && outcome === "yes" ? undefined : progress.message;
  if (!USES_MESSAGES[verb].has(outcome)) return undefined;
  const { message, log } = run;
  const mayAccept = outcome === "yes" && (verb === "accept" || verb === "discard");
  if (verb === "warn" || mayAccept) {
    run.message = undefined;
    run.log = undefined;
  }
  const { logMessage } = progress;
  if (own === undefined && logMessage === undefined) {
    if (run.message !== undefined) run.log ??= textOf(run.message);
    return undefined;
  }
  const forClient = own === undefined ? undefined : withVerifyMessage(run, message, () => expandedMessage(own, run));
  return then(forClient, (text) => {
    if (text !== undefined) run.message = text;
    const forLog =
      logMessage === undefined
        ? undefined
        : withVerifyMessage(run, log ?? message, () => expandedMessage(logMessage, run));
    return then(forLog, (words) => {
      if (words !== undefined) run.log = run.log === undefined ? textOf(words) : `${textOf(words)}: ${run.log}`;
      run.log ??= run.message === undefined ? undefined : textOf(run.message);
    });
  });
}

/** While a message is expanded, `$acl_verify_message` is what a condition has said. */
function withVerifyMessage<T>(run: AclRun, text: Value | undefined, expand: () => Eventual<T>): Eventual<T> {
  run.session.verifyMessage = text;
  return then(expand(), (value) => {
    run.session.verifyMessage = undefined;
    return value;
  });
}
