import { type Eventual, then } from "../expansion/code.ts";
import type { AclOutcome } from "../expansion/evaluation.ts";
import type { Value } from "../expansion/value.ts";
import type { AclSession } from "./session.ts";

/** `${acl}` and `acl` conditions inside of strings: the ACL runs as part of the one for which the string is expanded. */
export function callFromExpansion(name: Value, session: AclSession): Eventual<AclOutcome> {
  const { run } = session;
  if (run === undefined) return { verdict: "error" };
  const { message, log, hasDetails } = run;
  const place = { file: "expansion", line: 0 };
  return then(run.acls.callNested(name, place, run), (outcome): AclOutcome => {
    const said = run.message;
    run.message = message;
    run.log = log;
    run.hasDetails = hasDetails;
    switch (outcome) {
      case "yes":
        return { verdict: "accept", message: said };
      case "no":
        return { verdict: "deny", message: said };
      case "defer":
        return { verdict: "defer", message: said };
      case "drop":
      case "discard":
      case "error":
        return { verdict: "error" };
      default:
        throw new Error(`unhandled outcome: ${JSON.stringify(outcome satisfies never)}`);
    }
  });
}
