import { execFile } from "node:child_process";
import { failBranch, succeed } from "../branches.ts";
import { MAX_OCTETS, runCode, values } from "../code.ts";
import { splitCommand } from "../command-words.ts";
import type { Evaluation } from "../evaluation.ts";
import { ExpansionFailure } from "../failures.ts";
import type { Item } from "../parser.ts";
import { required } from "../required.ts";
import { systemProblem } from "../system-problem.ts";
import { derived, textOf, type Value } from "../value.ts";

/** Exim's limit for `${run`. */
const TIMEOUT_MS = 60_000;

/**
 * `${run{/program argument …}{yes}{no}}`: what the program writes. Words are split before they are expanded, so data of a
 * peer is one word; with `${run,preexpand` after. Only programs that the operator has allowed are started.
 */
export const run: Item = {
  name: "run",
  compile(parser) {
    const { source } = parser;
    const isExpandedFirst = source.match(/,preexpand/y) !== "";
    source.skipBlanks();
    const start = source.at + 1;
    const whole = required(parser, "run");
    const written = source.text.slice(start, source.at - 1);
    const branches = parser.branches("run");
    const words = isExpandedFirst ? undefined : splitCommand(written).map((word) => parser.compile(word));
    const commandOf = async (evaluation: Evaluation): Promise<Value[]> => {
      if (words !== undefined) return values(words, evaluation);
      const text = await runCode(whole, evaluation);
      return splitCommand(textOf(text)).map((word) => derived(text, word));
    };
    return async (evaluation) => {
      const { status, output } = await result(await commandOf(evaluation), evaluation);
      evaluation.locals.set("runrc", String(status));
      return status === 0 ? succeed(branches, output, evaluation) : failBranch(branches, evaluation);
    };
  },
};

interface Result {
  readonly status: number;
  readonly output: string;
}

async function result([program = "", ...args]: readonly Value[], evaluation: Evaluation): Promise<Result> {
  const { settings, signal } = evaluation.around;
  if (typeof program !== "string") throw new ExpansionFailure(`Tainted name '${program.text}' for run`);
  if (!settings.programs.has(program)) {
    throw new ExpansionFailure(`command "${program}" may not be run: it is not among the programs that are allowed`);
  }
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  const options = {
    encoding: "latin1" as const,
    maxBuffer: MAX_OCTETS,
    timeout: TIMEOUT_MS,
    killSignal: "SIGKILL" as const,
    env: {},
    ...(signal === undefined ? {} : { signal }),
  };
  execFile(program, args.map(textOf), options, (error, output) => {
    if (error === null) resolve({ status: 0, output });
    else if (typeof error.code === "number") resolve({ status: error.code, output });
    else reject(new ExpansionFailure(`couldn't run command "${program}": ${systemProblem(error)}`, { cause: error }));
  }).stdin?.end();
  return promise;
}
