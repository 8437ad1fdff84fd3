import type { SessionCore } from "../session-core.ts";
import type { SessionStep } from "../session-step.ts";

/** What looks like one behind something that may be no address (RFC 5321 §4.1.2). */
const PARAMETER = /^(?:[A-Za-z0-9][A-Za-z0-9-]*=.*|PRDR|SMTPUTF8|REQUIRETLS|)$/i;

/**
 * Reads the argument of MAIL or RCPT; if the owner wants to be asked how it is to be read, after that.
 *
 * @param read What is done with it.
 */
export function askPath(
  core: SessionCore,
  of: "MAIL" | "RCPT",
  argument: string,
  read: (core: SessionCore, argument: string) => SessionStep | undefined,
): SessionStep | undefined {
  if (!core.asks("path")) return read(core, argument);
  const words = argument.split(" ");
  let end = words.length;
  while (end > 1 && PARAMETER.test(words[end - 1] ?? "")) end--;
  const path = words.slice(0, end).join(" ");
  core.path = { parameters: argument.slice(path.length), read, answer: undefined };
  return core.ask({ kind: "path", of, path }, "path asked");
}

/** Goes on with what the owner has said. */
export function readAsAnswered(core: SessionCore): SessionStep | undefined {
  const { path } = core;
  core.path = undefined;
  return path?.answer === undefined ? undefined : path.read(core, path.answer + path.parameters);
}
