import { isIP } from "node:net";
import { DeferError } from "@postbus/mail";
import { compileItems } from "../../matching/compile-items.ts";
import type { ListKind } from "../../matching/list-kind.ts";
import type { Matched } from "../../matching/matched.ts";
import { subjectOf } from "../../matching/subject.ts";
import { type Eventual, runCode, then } from "../code.ts";
import type { Condition } from "../condition.ts";
import type { Evaluation } from "../evaluation.ts";
import { ExpansionDefer, ExpansionFailure, failureText } from "../failures.ts";
import { first } from "../subjects.ts";
import { textOf, type Value } from "../value.ts";

/**
 * `match_domain{text}{list}` and its relatives. The list is not expanded, so that nobody outside can put items into it: a
 * dollar in it is a dollar, and it ends at the first brace that closes. What has to be computed stands in a named list.
 */
function matchCondition(name: string, kind: ListKind, setsCaptures: boolean): Condition {
  return {
    name,
    compile(parser) {
      const subject = first(parser, name);
      const text = parser.literalArgument();
      if (text === undefined) throw new ExpansionFailure(`missing 2nd string in {} after "${name}"`);
      const items = compileItems(kind, text, { usesNames: false });
      const took = (found: Matched | undefined, evaluation: Evaluation): boolean => {
        if (found !== undefined) evaluation.value = found.data ?? "";
        if (setsCaptures && found?.captures !== undefined) evaluation.captures = found.captures;
        return found !== undefined;
      };
      const matched = (value: Value, evaluation: Evaluation): Eventual<boolean> => {
        if (kind === "host") checkAddress(textOf(value));
        const answer = items.match(evaluation, subjectOf(value));
        return answer instanceof Promise ? answer.then((found) => took(found, evaluation)) : took(answer, evaluation);
      };
      return (evaluation) =>
        then(runCode(subject, evaluation), (value) => explained(text, () => matched(value, evaluation)));
    },
  };
}

/** @throws {ExpansionFailure} it is neither an IP address nor empty (for a message that came from no host). */
function checkAddress(text: string): void {
  if (text !== "" && isIP(text) === 0) throw new ExpansionFailure(`"${text}" is not an IP address`);
}

function explained(list: string, run: () => Eventual<boolean>): Eventual<boolean> {
  const explain = (error: unknown): never => {
    if (!(error instanceof DeferError)) throw error;
    const text = `unable to complete match against "${list}": ${failureText(error) ?? ""}`;
    throw new ExpansionDefer(text, { cause: error });
  };
  try {
    const result = run();
    return result instanceof Promise ? result.catch(explain) : result;
  } catch (error) {
    return explain(error);
  }
}

export const listConditions: readonly Condition[] = [
  matchCondition("match_domain", "domain", true),
  matchCondition("match_local_part", "localpart", true),
  matchCondition("match_address", "address", false),
  matchCondition("match_ip", "host", false),
];
