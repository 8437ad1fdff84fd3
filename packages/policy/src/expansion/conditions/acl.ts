import { aclCall } from "../acl-call.ts";
import { type Code, then } from "../code.ts";
import type { Condition } from "../condition.ts";
import { ExpansionFailure, ForcedFailure } from "../failures.ts";
import { textOf } from "../value.ts";

/**
 * `acl{{name}{arg1}…}`: true if the ACL accepts, false if it denies; `$value` is the text of its `message`. One that defers
 * is a forced failure, as with the item.
 */
export const acl: Condition = {
  name: "acl",
  compile(parser) {
    const { source } = parser;
    const wrong = (): string => "too few arguments or bracketing error for acl";
    source.expect("{", wrong);
    const args: Code[] = [];
    for (let code = parser.argument(); code !== undefined; code = parser.argument()) args.push(code);
    source.expect("}", wrong);
    if (args.length === 0 || args.length > 10) throw new ExpansionFailure(wrong());
    const call = aclCall(args);
    return (evaluation) =>
      then(call(evaluation), ({ name, verdict, message }) => {
        if (verdict === "defer") throw new ForcedFailure("acl", `DEFER from acl "${textOf(name)}"`);
        evaluation.value = message ?? "";
        return verdict === "accept";
      });
  },
};
