import { compileExpansion } from "../../expansion/compile-expansion.ts";
import { withExpanded } from "../expanded.ts";
import type { TestKind } from "../test.ts";

/** `set acl_m_name = value`; `set dkim_verify_status = value` in the DKIM ACL. */
export const set: TestKind = {
  compile(value, { variable = "", warn }) {
    const expansion = compileExpansion(value);
    if (expansion.problem !== undefined) warn(expansion.problem);
    const isOfConnection = variable.startsWith("acl_c");
    const isOfAcl = variable.startsWith("acl_");
    return (run) =>
      withExpanded(expansion, run, (text) => {
        const { connection, message } = run.session;
        if (!isOfAcl) message.found.set(variable, text);
        else (isOfConnection ? connection : message).variables.set(variable, text);
        return "yes";
      });
  },
};
