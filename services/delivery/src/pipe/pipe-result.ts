import type { PipeSettings } from "@postbus/policy";
import type { AttemptResult } from "@postbus/queue";
import type { ProgramEnd } from "../programs/run-program.ts";
import { CANNOT_RUN, exitWords, signalWords } from "./exit-words.ts";

/** What was run, for texts. */
export interface RunProgram {
  readonly transport: string;
  /** As the configuration has it. */
  readonly command: string;
  /** Its path. */
  readonly program: string;
}

/** Exim's number where there is none. */
const NO_ERRNO = 0;

/** What the end of a program means for the recipients (Exim's manual, "The pipe transport": "Returned status and data"). */
export function pipeResult(end: Exclude<ProgramEnd, { kind: "aborted" }>, settings: PipeSettings, run: RunProgram) {
  const { transport, command, program } = run;
  switch (end.kind) {
    case "timed out": {
      const before = end.whileWriting ? " (preceded by timeout while writing to pipe)" : "";
      const text = `pipe delivery process timed out${before}`;
      return settings.defersTimeout ? deferred(text) : failed(text);
    }
    case "signalled": {
      const what = `Child process of ${transport} transport (running command "${command}")`;
      const text = `${what} was terminated by signal ${signalWords(end.signal)}`;
      if (settings.freezesSignalled) return frozen(text);
      return settings.ignoresStatus ? DELIVERED : failed(text);
    }
    case "not started":
    case "exited": {
      const code = end.kind === "exited" ? end.code : CANNOT_RUN;
      if (code === 0) return DELIVERED;
      if (code === CANNOT_RUN && settings.freezesUnstarted) return frozen(`pipe process failed to exec "${command}"`);
      if (settings.ignoresStatus) return DELIVERED;
      const text = `Child process of ${transport} transport returned ${exitWords(code)} from command: ${program}`;
      const { temporaryCodes } = settings;
      return temporaryCodes === "all" || temporaryCodes.has(code) ? deferred(text) : failed(text);
    }
    default:
      throw new Error(`unhandled end: ${JSON.stringify(end satisfies never)}`);
  }
}

const DELIVERED: AttemptResult = { outcome: "delivered" };
const failed = (text: string): AttemptResult => ({ outcome: "failed", text });
const deferred = (text: string): AttemptResult => ({ outcome: "deferred", errno: NO_ERRNO, text });
const frozen = (text: string): AttemptResult => ({ outcome: "deferred", errno: NO_ERRNO, text, isFrozen: true });
