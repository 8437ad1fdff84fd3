import { compileExpansion } from "../../expansion/compile-expansion.ts";
import { ExpansionDefer, failureText } from "../../expansion/failures.ts";
import { textOf } from "../../expansion/value.ts";
import type { AclRun } from "../acl-run.ts";

/**
 * Where scanners are, expanded at each use if the option begins with a `$`, as in Exim.
 *
 * @throws {ExpansionDefer} it cannot be.
 */
export async function expandedAddress(option: string, value: string, { evaluation }: AclRun): Promise<string> {
  if (!value.startsWith("$")) return value;
  try {
    return textOf(await compileExpansion(value).run(evaluation));
  } catch (error) {
    const reason = failureText(error);
    if (reason === undefined) throw error;
    throw new ExpansionDefer(`${option} starts with $, but expansion failed: ${reason}`, { cause: error });
  }
}
