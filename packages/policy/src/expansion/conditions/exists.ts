import { stat } from "node:fs/promises";
import { runCode } from "../code.ts";
import type { Condition } from "../condition.ts";
import { ExpansionFailure } from "../failures.ts";
import { first } from "../subjects.ts";

/** `exists{/path}`: there is a file, a directory or anything else of that name. */
export const exists: Condition = {
  name: "exists",
  compile(parser) {
    const code = first(parser, "exists");
    return async (evaluation) => {
      const name = await runCode(code, evaluation);
      if (typeof name !== "string") throw new ExpansionFailure(`Tainted name '${name.text}' for exists`);
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
