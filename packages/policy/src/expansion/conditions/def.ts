import { type Code, runCode, then } from "../code.ts";
import type { Condition } from "../condition.ts";
import { ExpansionFailure } from "../failures.ts";
import { hasHeader, isHeaderName, readHeaderName } from "../header-variables.ts";
import { NAME } from "../source.ts";
import { textOf } from "../value.ts";
import { variableCode } from "../variable-code.ts";

/** `def:name`: the variable is not empty; `def:h_Subject:`: the message has the header. */
export const def: Condition = {
  name: "def",
  compile(parser) {
    const { source } = parser;
    if (!source.take(":")) throw new ExpansionFailure('":" expected after "def"');
    const start = source.at;
    const name = source.match(NAME);
    if (isHeaderName(name)) {
      source.at = start;
      const header = readHeaderName(source).name;
      return (evaluation) => hasHeader(evaluation, header);
    }
    if (name === "") throw new ExpansionFailure('variable name omitted after "def:"');
    const code = variable(name);
    return (evaluation) => then(runCode(code, evaluation), (value) => textOf(value) !== "");
  },
};

/** Not `$1` and its relatives: as in Exim, they cannot be asked for. */
function variable(name: string): Code {
  const code = /^[0-9]+$/.test(name) ? undefined : variableCode(name);
  if (code === undefined) throw new ExpansionFailure(`unknown variable "${name}" after "def:"`);
  return code;
}
