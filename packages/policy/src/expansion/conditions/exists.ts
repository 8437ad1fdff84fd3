import { stat } from "node:fs/promises";
import { runCode } from "../code.ts";
import type { Condition } from "../condition.ts";
import { first } from "../subjects.ts";
import { textOf } from "../value.ts";

/**
 * `exists{/path}`: there is a file, a directory or anything else of that name. Nothing is read, so a peer may have had a
 * hand in the name: policies ask whether there is a file for `$domain`.
 */
export const exists: Condition = {
  name: "exists",
  compile(parser) {
    const code = first(parser, "exists");
    return async (evaluation) => {
      const name = textOf(await runCode(code, evaluation));
      if (name === "") return false;
      try {
        await stat(Buffer.from(name, "latin1"));
        return true;
      } catch {
        // Whatever keeps us from looking: it is not there for us, as with Exim's stat().
        return false;
      }
    };
  },
};
