import type { Evaluation } from "../../expansion/evaluation.ts";
import type { Expansion } from "../../expansion/expansion.ts";
import { ForcedFailure, failureText } from "../../expansion/failures.ts";
import { textOf } from "../../expansion/value.ts";

/** What the strings of one report are expanded with. */
export interface ReportContext {
  readonly evaluation: Evaluation;
  /** What could not be expanded or read, for the log: the report is made all the same. */
  readonly problems: string[];
}

/** @returns the value; undefined if it has none, which is a problem unless the policy wants it so. */
export function reportExpansion(
  expansion: Expansion,
  what: string,
): (context: ReportContext) => Promise<string | undefined> {
  return async ({ evaluation, problems }) => {
    try {
      return textOf(await expansion.run(evaluation));
    } catch (err) {
      const text = failureText(err);
      if (text === undefined) throw err;
      if (!(err instanceof ForcedFailure)) problems.push(`${what} cannot be expanded: ${text}`);
      return undefined;
    }
  };
}
