import type { Eventual } from "../expansion/code.ts";
import type { AclVerb } from "../options/acl/verbs.ts";
import type { AclRun } from "./acl-run.ts";
import type { CompiledAcl } from "./compiled-acl.ts";
import type { StatementRecord } from "./decision-record.ts";
import type { Outcome } from "./outcome.ts";
import { type CompiledStatement, type Tested, testStatement } from "./statement.ts";
import { warn } from "./warn.ts";

/** Runs the statements of an ACL until one decides; `no` if none does. Texts are left in the run. */
export function runAcl(acl: CompiledAcl, run: AclRun): Eventual<Outcome> {
  return fromStatement(acl, 0, run);
}

function fromStatement(acl: CompiledAcl, start: number, run: AclRun): Eventual<Outcome> {
  const { statements } = acl;
  for (let i = start; i < statements.length; i++) {
    const statement = statements[i];
    if (statement === undefined) break;
    if (run.evaluation.mustPause) return afterPause(acl, i, run);
    run.message = undefined;
    run.log = undefined;
    run.hasDetails = false;
    if (!run.countStatement()) {
      run.log = "ACL runs through too many statements";
      return "error";
    }
    const record = recordOf(acl, statement, run);
    const tested = testStatement(statement, run, record.checks);
    if (tested instanceof Promise) return statementsBehind(tested, statement.verb, record, acl, i, run);
    const decision = decide(statement.verb, tested, record, run);
    if (decision !== undefined) return decision;
  }
  return "no";
}

async function afterPause(acl: CompiledAcl, at: number, run: AclRun): Promise<Outcome> {
  await run.evaluation.pause();
  return fromStatement(acl, at, run);
}

/** Apart, since a loop with a closure in it makes an object for each of its turns. */
async function statementsBehind(
  awaited: Promise<Tested>,
  verb: AclVerb,
  record: StatementRecord,
  acl: CompiledAcl,
  at: number,
  run: AclRun,
): Promise<Outcome> {
  const tested = await awaited;
  return decide(verb, tested, record, run) ?? fromStatement(acl, at + 1, run);
}

function recordOf({ name }: CompiledAcl, { verb, place }: CompiledStatement, run: AclRun): StatementRecord {
  return { acl: name, depth: run.depth, verb, place, checks: [], outcome: "no", decides: false };
}

/** @returns what the ACL says; undefined: the next statement is to be run. */
function decide(
  verb: AclVerb,
  { outcome, hasPassed }: Tested,
  record: StatementRecord,
  run: AclRun,
): Outcome | undefined {
  record.outcome = outcome;
  run.keep(record);
  run.session.verifyMessage = undefined;
  if (outcome === "error" || (outcome === "defer" && verb !== "warn")) {
    record.decides = true;
    if (outcome === "defer" && run.session.names.returnsErrorDetails === true) run.hasDetails = true;
    return outcome;
  }
  const decision = verdictOf(verb, outcome, hasPassed, run);
  record.decides = decision !== undefined;
  return decision !== undefined && isRefusal(decision) && run.depth === 0
    ? unlessQuitting(verb, decision, run)
    : decision;
}

function verdictOf(verb: AclVerb, outcome: Outcome, hasPassed: boolean, run: AclRun): Outcome | undefined {
  const isTrue = outcome === "yes";
  switch (verb) {
    case "accept":
      if (isTrue || outcome === "discard") return outcome;
      return hasPassed ? outcome : undefined;
    case "discard":
      if (isTrue || outcome === "discard") return "discard";
      return hasPassed ? outcome : undefined;
    case "deny":
      return isTrue ? "no" : undefined;
    case "drop":
      return isTrue ? "drop" : undefined;
    case "defer":
      if (!isTrue) return undefined;
      run.hasDetails = true;
      return "defer";
    case "require":
      return isTrue ? undefined : outcome;
    case "warn":
      warn(outcome, run);
      return undefined;
    default:
      throw new Error(`unhandled verb: ${JSON.stringify(verb satisfies never)}`);
  }
}

const isRefusal = (outcome: Outcome): boolean => outcome === "no" || outcome === "drop" || outcome === "defer";

/** A session that is ending cannot be refused to end. */
function unlessQuitting(verb: AclVerb, decision: Outcome, run: AclRun): Outcome {
  if (run.stage !== "quit" && run.stage !== "notquit") return decision;
  run.log = `QUIT or not-QUIT toplevel ACL may not fail ('${verb}' verb used incorrectly)`;
  return "error";
}
