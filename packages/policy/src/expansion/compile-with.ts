import type { Code } from "./code.ts";
import { restoring } from "./code.ts";
import type { Evaluation } from "./evaluation.ts";
import type { Expansion } from "./expansion.ts";
import { ExpansionFailure } from "./failures.ts";
import { type Families, StringParser } from "./string-parser.ts";
import type { Value } from "./value.ts";

/** As `compileExpansion`, with the families given: what they need to compile strings of their own. */
export function compileWith(source: string, families: Families): Expansion {
  if (!/[\\$]/.test(source)) return { source, constant: source, problem: undefined, run: () => source };
  try {
    return compiled(source, new StringParser(source, families).all());
  } catch (error) {
    if (!(error instanceof ExpansionFailure)) throw error;
    const problem = error.message;
    return {
      source,
      constant: undefined,
      problem,
      run() {
        throw new ExpansionFailure(problem);
      },
    };
  }
}

function compiled(source: string, code: Code): Expansion {
  if (typeof code === "string") return { source, constant: code, problem: undefined, run: () => code };
  return {
    source,
    constant: undefined,
    problem: undefined,
    run: (evaluation: Evaluation): Value | Promise<Value> => {
      evaluation.enter();
      return restoring(
        () => code(evaluation),
        () => evaluation.leave(),
      );
    },
  };
}
