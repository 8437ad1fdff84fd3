import type { AclSession } from "../acl/session.ts";
import { type Eventual, then } from "../expansion/code.ts";
import type { Expansion } from "../expansion/expansion.ts";
import { ForcedFailure, failureText } from "../expansion/failures.ts";
import { textOf, type Value } from "../expansion/value.ts";
import { failed, type MechanismStep } from "./mechanism.ts";

const NO: ReadonlySet<string> = new Set(["", "0", "no", "false"]);
const YES: ReadonlySet<string> = new Set(["1", "yes", "true"]);

/**
 * `server_condition` and its kin (Exim's manual, "Generic options for authenticators"): yes, no, and everything else is a
 * deferral with the value as its text. Absent: yes.
 */
export function authCondition(condition: Expansion | undefined, session: AclSession): Eventual<MechanismStep> {
  if (condition === undefined) return { kind: "end", result: "ok" };
  return expanded(condition, session, (value) => {
    const text = textOf(value);
    if (NO.has(text)) return failed;
    if (YES.has(text)) return { kind: "end", result: "ok" };
    return { kind: "end", result: "deferred", why: text, said: `: ${text}` };
  });
}

/** Goes on with the value of an option. One that is made to fail is a no, one that cannot be expanded a deferral. */
export function expanded(
  expansion: Expansion,
  session: AclSession,
  next: (value: Value) => Eventual<MechanismStep>,
): Eventual<MechanismStep> {
  try {
    const value = expansion.run(session.evaluation);
    return value instanceof Promise ? value.then(next).catch(unexpanded) : next(value);
  } catch (error) {
    return unexpanded(error);
  }
}

function unexpanded(error: unknown): MechanismStep {
  if (error instanceof ForcedFailure) return failed;
  const why = failureText(error);
  if (why === undefined) throw error;
  return { kind: "end", result: "deferred", why };
}

/**
 * `server_advertise_condition`: everything is a yes but nothing, `0`, `no` and `false` in any case. Absent: yes. One that
 * cannot be decided is a no, and logged.
 */
export function isAdvertised(condition: Expansion | undefined, session: AclSession): Eventual<boolean> {
  if (condition === undefined) return true;
  const step = expanded(condition, session, (value) =>
    /^(?:0|no|false|)$/i.test(textOf(value)) ? failed : { kind: "end", result: "ok" },
  );
  return then(step, (end) => {
    if (end.kind !== "end") return false;
    if (end.why !== undefined) session.log(["main", "panic"], `failed to expand "${condition.source}": ${end.why}`);
    return end.result === "ok";
  });
}
