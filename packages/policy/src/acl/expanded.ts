import { DeferError } from "@postbus/mail";
import type { Eventual } from "../expansion/code.ts";
import type { Expansion } from "../expansion/expansion.ts";
import { ExpansionFailure, ForcedFailure, failureText } from "../expansion/failures.ts";
import type { Value } from "../expansion/value.ts";
import type { AclRun } from "./acl-run.ts";
import type { Outcome, Said } from "./outcome.ts";

/**
 * Expands the value of a condition or modifier and goes on with it. A forced failure makes the condition count for
 * nothing (Exim's manual, "Use of the forced failure in ACLs").
 */
export function withExpanded(expansion: Expansion, run: AclRun, use: (value: Value) => Eventual<Said>): Eventual<Said> {
  if (expansion.constant !== undefined) return use(expansion.constant);
  let value: Eventual<Value>;
  try {
    value = expansion.run(run.evaluation);
  } catch (error) {
    return notExpanded(expansion, run, error);
  }
  if (!(value instanceof Promise)) return use(value);
  return value.then(use, (error: unknown) => notExpanded(expansion, run, error));
}

function notExpanded({ source }: Expansion, run: AclRun, error: unknown): Said {
  if (error instanceof ForcedFailure) return "ignored";
  const said = saidBy(error, run);
  run.log = `failed to expand ACL string "${source}": ${failureText(error) ?? ""}`;
  return said;
}

/** What an error means: not now, or a fault of the policy. @throws anything else: a bug of ours. */
export function saidBy(error: unknown, run: AclRun): Outcome {
  const isDefer = error instanceof DeferError;
  if (!isDefer && !(error instanceof ExpansionFailure) && !(error instanceof ForcedFailure)) throw error;
  run.log = failureText(error);
  return isDefer ? "defer" : "error";
}

/**
 * Expands the text of a `message`: undefined if it is empty, was made to fail, or cannot be expanded, which is logged.
 */
export function expandedMessage(expansion: Expansion, run: AclRun): Eventual<Value | undefined> {
  if (expansion.constant !== undefined) return expansion.constant === "" ? undefined : expansion.constant;
  try {
    const value = expansion.run(run.evaluation);
    return value instanceof Promise
      ? value.then(unlessEmpty, (error: unknown) => noMessage(expansion, run, error))
      : unlessEmpty(value);
  } catch (error) {
    return noMessage(expansion, run, error);
  }
}

const unlessEmpty = (value: Value): Value | undefined => (value === "" ? undefined : value);

function noMessage({ source }: Expansion, run: AclRun, error: unknown): undefined {
  if (error instanceof ForcedFailure) return undefined;
  const text = failureText(error);
  if (text === undefined) throw error;
  run.session.log(["main", "panic"], `failed to expand ACL message "${source}": ${text}`);
  return undefined;
}
