import { trim } from "@postbus/mail";
import { runCode, values } from "../code.ts";
import { ExpansionFailure } from "../failures.ts";
import { parseInterval } from "../interval.ts";
import type { Item } from "../parser.ts";
import { socketExchange } from "../socket-exchange.ts";
import { systemProblem } from "../system-problem.ts";
import { Tainted, textOf } from "../value.ts";

/** Exim's default. */
const TIMEOUT_MS = 5_000;

/**
 * `${readsocket{/path or inet:host:port}{request}{options}{end of line}{error}}`: sends, and reads until the other end
 * closes. The answer is nobody's promise, so it is tainted. The last string is for when the socket cannot be used.
 */
export const readsocket: Item = {
  name: "readsocket",
  compile(parser) {
    const [name = "", request = "", options = "", eol, onError] = parser.allArguments("readsocket", 2, 5);
    return async (evaluation) => {
      const [where = "", text = "", settings = "", end] = await values([name, request, options, eol ?? ""], evaluation);
      if (where instanceof Tainted) throw new ExpansionFailure(`Tainted name '${where.text}' for readsocket`);
      const wanted = readOptions(textOf(settings));
      try {
        const answer = await socketExchange(where, textOf(text), { ...wanted, signal: evaluation.around.signal });
        return new Tainted(eol === undefined ? answer : answer.replaceAll("\n", () => textOf(end ?? "")));
      } catch (error) {
        if (!(error instanceof Error) || error instanceof ExpansionFailure) throw error;
        if (onError !== undefined) return runCode(onError, evaluation);
        throw new ExpansionFailure(problem(where, error), { cause: error });
      }
    };
  },
};

function problem(where: string, error: Error): string {
  return `failed to connect to socket ${where}: ${systemProblem(error)}`;
}

interface Wanted {
  readonly timeoutMs: number;
  readonly endsRequest: boolean;
  readonly usesTls: boolean;
  readonly serverName: string | undefined;
}

/** `5s:shutdown=no:tls=yes:sni=name`; the first may be the time alone. */
function readOptions(text: string): Wanted {
  let wanted: Wanted = { timeoutMs: TIMEOUT_MS, endsRequest: true, usesTls: false, serverName: undefined };
  for (const option of text.split(":").map((part) => trim(part))) {
    const [name = "", value = ""] = option.split("=");
    if (option === "") continue;
    const seconds = parseInterval(option);
    if (seconds !== undefined) wanted = { ...wanted, timeoutMs: seconds * 1000 };
    else if (name === "shutdown") wanted = { ...wanted, endsRequest: value !== "no" };
    else if (name === "tls") wanted = { ...wanted, usesTls: value === "yes" };
    else if (name === "sni") wanted = { ...wanted, serverName: value };
    else if (name !== "cache" && name !== "send") throw new ExpansionFailure(`bad time value ${option}`);
  }
  return wanted;
}
