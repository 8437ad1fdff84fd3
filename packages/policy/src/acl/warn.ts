import { textOf } from "../expansion/value.ts";
import type { AclRun } from "./acl-run.ts";
import { addHeaderText } from "./added-headers.ts";
import type { Outcome } from "./outcome.ts";
import { messageStages, stageNames } from "./stage-names.ts";

/** What the verb `warn` does when its conditions have been tested; then the next statement is run, whatever they said. */
export function warn(outcome: Outcome, run: AclRun): void {
  const { session, message, log } = run;
  run.message = undefined;
  run.log = undefined;
  if (outcome === "defer") {
    const why = log === undefined ? "" : `: ${log}`;
    const text = `Warning: ACL "warn" statement skipped: condition test deferred${why}`;
    session.log(["main"], text, { selector: "acl_warn_skipped", isOfClient: true });
    return;
  }
  if (outcome !== "yes") return;
  const forClient = message === undefined ? undefined : textOf(message);
  if (log !== undefined && log !== forClient) session.warnOnce(log);
  if (forClient === undefined) return;
  if (messageStages.has(run.stage)) {
    addHeaderText(session.message, forClient);
    return;
  }
  const where = stageNames[run.stage];
  session.log(
    ["main", "panic"],
    `ACL "warn" with "message" setting found in a non-message (${where}) ACL: cannot specify header lines here: message ignored`,
  );
}
