import type { Condition } from "../condition.ts";
import { ExpansionFailure } from "../failures.ts";
import { first } from "../subjects.ts";
import { given } from "../variable-code.ts";

/** A fact about the delivery that whoever evaluates says by a variable of that name. */
const flag = (name: string): Condition => ({
  name,
  compile: () => (evaluation) => given(evaluation, name) === "yes",
});

/** Local daemons of other systems; the fleet has none, and using one fails. */
const excluded = (name: string): Condition => ({
  name,
  compile(parser) {
    if (name === "saslauthd")
      skipGroup(
        parser.source.match(/[\t-\r ]*\{/y) !== "",
        () => parser.argument(),
        () => parser.close(),
      );
    else first(parser, name);
    return () => {
      throw new ExpansionFailure(`support for "${name}" not compiled`);
    };
  },
});

function skipGroup(isOpen: boolean, argument: () => unknown, close: () => void): void {
  if (!isOpen) throw new ExpansionFailure('missing { after "saslauthd"');
  while (argument() !== undefined);
  close();
}

/** `first_delivery`, `queue_running`: true or not by what the service is doing. */
export const flags: readonly Condition[] = [flag("first_delivery"), flag("queue_running")];

export const excludedConditions: readonly Condition[] = ["ldapauth", "pam", "radius", "saslauthd"].map(excluded);
