import type { PipeSettings } from "@postbus/policy";
import type { AttemptResult } from "@postbus/queue";

/** Octets of a line of the log. */
const MAX_LINE = 1_000;

/** A result, and the line that the log gets of what the program has written. */
export interface ResultWithOutput {
  readonly result: AttemptResult;
  readonly logged: string | undefined;
}

/**
 * What a program has written, where the options say that it is for the log or for the sender. With `return_output` any output is a
 * failure.
 *
 * @param hasSender There is somebody who can be told.
 */
export function withOutput(
  result: AttemptResult,
  output: Buffer,
  settings: Pick<PipeSettings, "logsOutput" | "returnsOutput">,
  hasSender: boolean,
): ResultWithOutput {
  if (output.length === 0) return { result, logged: undefined };
  const text = output.toString("latin1");
  const logged = settings.logsOutput.has(result.outcome) ? firstLine(text) : undefined;
  if (!hasSender || settings.returnsOutput === "never") return { result, logged };
  if (settings.returnsOutput === "always") {
    const why = result.outcome === "delivered" ? "return message generated" : result.text;
    return { result: { outcome: "failed", text: why, output: text }, logged };
  }
  return { result: result.outcome === "failed" ? { ...result, output: text } : result, logged };
}

/** Without what would make another line of it. */
function firstLine(text: string): string {
  const [line = ""] = text.split("\n", 1);
  return line
    .slice(0, MAX_LINE)
    .trimEnd()
    .replace(/[^ -~\t\x80-\xff]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`);
}
