import { type DestinationStream, type Logger, pino } from "pino";
import { startFailure } from "./exit-code.ts";

/** Lines that wait because nobody reads them; beyond it the newest are dropped, mail is not held up. Octets. */
const MAX_WAITING_OCTETS = 4 * 1024 * 1024;

export interface LogOptions {
  readonly level: string;
  /** File descriptor: 1 for a service, 2 where standard output belongs to the program's answers. */
  readonly fd: 1 | 2;
  /** For people at a terminal instead of one JSON object a line. */
  readonly readable: boolean;
}

/**
 * The process's log. Written behind the program's back in larger pieces; what waits is written at the end of the
 * process, whichever way it ends short of a SIGKILL.
 */
export function createLogger({ level, fd, readable }: LogOptions): Logger {
  const output = pino.destination({ fd, sync: false, maxLength: MAX_WAITING_OCTETS });
  // Process id and host name are in every line of a container's log already.
  const options = { level, base: {}, serializers: { err: loggedError } };
  return pino(options, readable ? readableStream(output) : output);
}

/** What was foreseen (something is away, a setting is wrong) is words; only of a bug does the stack help anybody. */
export function loggedError(err: unknown): unknown {
  if (!(err instanceof Error)) return err;
  const failure = startFailure(err);
  if (failure.isBug) return pino.stdSerializers.err(err);
  const message = err.message || failure.lines.join("; ");
  const cause = err.cause instanceof Error ? err.cause.message : "";
  // Many who wrap an error repeat its text.
  const own = cause === "" || message.includes(cause) ? message : `${message}: ${cause}`;
  return { type: err.name, message: own.replaceAll(/\s*[\r\n]+\s*/g, "; ") };
}

function readableStream(output: DestinationStream): DestinationStream {
  return { write: (line) => output.write(`${readableLine(line)}\n`) };
}

const LEVELS: Readonly<Record<number, string>> = {
  10: "trace",
  20: "debug",
  30: "",
  40: "warning",
  50: "error",
  60: "fatal",
};

/** A JSON line of pino as `12:34:56 gateway error: text: why field=value`, the stack of a bug below it. */
export function readableLine(line: string): string {
  const { level, time, service, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const clock = new Date(Number(time)).toTimeString().slice(0, 8);
  const word = LEVELS[Number(level)] ?? String(level);
  const pairs = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  const { why, stack } = errorText(err);
  const text = why === undefined ? msg : `${msg}: ${why}`;
  const head = [clock, service, word === "" ? undefined : `${word}:`, text, ...pairs].filter(
    (part) => part !== undefined,
  );
  return [head.join(" "), ...(stack === undefined ? [] : [`  ${stack.replaceAll("\n", "\n  ")}`])].join("\n");
}

function errorText(err: unknown): { readonly why?: string; readonly stack?: string } {
  if (typeof err !== "object" || err === null) return {};
  if ("stack" in err) return { stack: String(err.stack) };
  return "message" in err ? { why: String(err.message) } : {};
}
