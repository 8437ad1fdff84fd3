import { failBranch, succeed } from "../branches.ts";
import { withValue } from "../code.ts";
import type { Item } from "../parser.ts";
import { required } from "../required.ts";
import { textOf } from "../value.ts";

/** `${env{NAME}{yes}{no}}`: a variable of the environment, as far as `keep_environment` lets it in. */
export const env: Item = {
  name: "env",
  compile(parser) {
    const name = required(parser, "env");
    const branches = parser.branches("env");
    return withValue(name, (value, evaluation) => {
      const found = evaluation.around.environment[textOf(value)];
      return found === undefined ? failBranch(branches, evaluation) : succeed(branches, found, evaluation);
    });
  },
};
