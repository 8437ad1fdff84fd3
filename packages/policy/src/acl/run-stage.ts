import type { Eventual } from "../expansion/code.ts";
import type { AclStage } from "../options/acl/stage.ts";
import { AclRun } from "./acl-run.ts";
import type { Acls } from "./acls.ts";
import { type AclAnswer, answerOf } from "./answer.ts";
import { saidBy } from "./expanded.ts";
import type { AclSession } from "./session.ts";

/** Stages that refuse when no ACL is set for them (Exim's manual, "Specifying when ACLs are used"). */
const CLOSED: ReadonlySet<AclStage> = new Set(["rcpt", "vrfy", "expn", "etrn"]);

/**
 * Runs the ACL of a stage. Its command must be in the session.
 *
 * @throws nothing that is not a bug: whatever is wrong with the policy is a temporary refusal.
 */
export function runStage(stage: AclStage, session: AclSession, acls: Acls): Eventual<AclAnswer> {
  const run = new AclRun(stage, session, acls);
  const { decisions } = session.hooks;
  if (!acls.has(stage)) {
    const answer = answerOf(CLOSED.has(stage) ? "no" : "yes", run);
    if (answer.verdict === "refuse") decisions?.decided(answer, 0, session.recipient?.address);
    return answer;
  }
  const startMs = decisions?.nowMs() ?? 0;
  session.run = run;
  if (session.commandRates.size > 0) session.commandRates = new Map();
  session.rejectTargets = undefined;
  session.evaluation.captures = [];
  const finish = (outcome: Parameters<typeof answerOf>[0]): AclAnswer => {
    session.run = undefined;
    const answer = answerOf(outcome, run);
    decisions?.decided(answer, Math.round((decisions.nowMs() - startMs) * 1000), session.recipient?.address);
    // As in Exim, what was said about a message there is not said of the first one.
    if (stage === "connect") session.reset();
    return answer;
  };
  try {
    const outcome = acls.runStage(run);
    if (!(outcome instanceof Promise)) return finish(outcome);
    return outcome.catch((error: unknown) => saidBy(error, run)).then(finish);
  } catch (error) {
    return finish(saidBy(error, run));
  }
}
