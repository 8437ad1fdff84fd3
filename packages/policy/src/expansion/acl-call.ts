import { type Code, type Eventual, restoring, then, values } from "./code.ts";
import type { AclOutcome, Evaluation } from "./evaluation.ts";
import { ExpansionFailure } from "./failures.ts";
import { textOf, type Value } from "./value.ts";

interface Called extends AclOutcome {
  readonly name: Value;
}

/** A call of an ACL: the first argument is its name, the others become `$acl_arg1`… while it runs. */
export function aclCall(codes: readonly Code[]): (evaluation: Evaluation) => Eventual<Called> {
  return (evaluation) =>
    then(values(codes, evaluation), ([name = "", ...args]) =>
      then(called(name, args, evaluation), (outcome) => {
        if (outcome.verdict === "error") throw new ExpansionFailure(`ERROR from acl "${textOf(name)}"`);
        return { name, ...outcome };
      }),
    );
}

function called(name: Value, args: readonly Value[], evaluation: Evaluation): Eventual<AclOutcome> {
  const { around, aclArguments } = evaluation;
  if (around.callAcl === undefined) return { verdict: "error" };
  evaluation.aclArguments = args;
  return restoring(
    () => around.callAcl?.(name, evaluation) ?? { verdict: "error" as const },
    () => {
      evaluation.aclArguments = aclArguments;
    },
  );
}
