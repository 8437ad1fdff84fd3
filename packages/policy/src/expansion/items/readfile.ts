import { readFile } from "node:fs/promises";
import { MAX_OCTETS, values } from "../code.ts";
import { ExpansionFailure } from "../failures.ts";
import type { Item } from "../parser.ts";
import { systemProblem } from "../system-problem.ts";
import { textOf } from "../value.ts";

/** `${readfile{/path}{end of line}}`: all of a file; its line ends become the second argument, if there is one. */
export const readfile: Item = {
  name: "readfile",
  compile(parser) {
    const codes = parser.allArguments("readfile", 1, 2);
    return async (evaluation) => {
      const [name = "", eol] = await values(codes, evaluation);
      if (typeof name !== "string") throw new ExpansionFailure(`Tainted name '${name.text}' for readfile`);
      const text = await contents(name, evaluation.around.signal);
      return eol === undefined ? text : text.replaceAll("\n", () => textOf(eol));
    };
  },
};

async function contents(name: string, signal: AbortSignal | undefined): Promise<string> {
  try {
    const options = signal === undefined ? {} : { signal };
    const octets = await readFile(Buffer.from(name, "latin1"), options);
    if (octets.length > MAX_OCTETS) throw new ExpansionFailure(`${name} is longer than ${MAX_OCTETS} octets`);
    return octets.toString("latin1");
  } catch (error) {
    if (error instanceof ExpansionFailure) throw error;
    throw new ExpansionFailure(`failed to open ${name}: ${systemProblem(error)}`, { cause: error });
  }
}
