import { aclCall } from "../acl-call.ts";
import { then } from "../code.ts";
import { ForcedFailure } from "../failures.ts";
import type { Item } from "../parser.ts";
import { textOf } from "../value.ts";

/** `${acl{name}{arg1}…}`: the text of the `message` that applied, whether the ACL accepts or denies. */
export const acl: Item = {
  name: "acl",
  compile(parser) {
    const call = aclCall(parser.allArguments("acl", 1, 10));
    return (evaluation) =>
      then(call(evaluation), ({ name, verdict, message }) => {
        if (verdict === "defer") throw new ForcedFailure("acl", `DEFER from acl "${textOf(name)}"`);
        return message ?? "";
      });
  },
};
