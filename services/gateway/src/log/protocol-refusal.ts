import type { SessionStep } from "@postbus/smtp";
import { pathText, printable } from "./command-text.ts";
import type { SessionLog } from "./session-log.ts";

type Refusal = Pick<Extract<SessionStep, { kind: "refused" }>, "reply" | "command" | "early">;

/** Of the session in which something was refused. */
interface Circumstances {
  readonly commandLine: string;
  readonly commandHistory: string;
  /** With this refusal. */
  readonly isClosing: boolean;
  /** Of a message; 0: any. */
  readonly maxOctets: number;
}

/**
 * The line for what was refused by the protocol and not by a policy, where Exim's log has a form of its own for that.
 *
 * @returns whether there is one.
 */
export function logProtocolRefusal(
  log: SessionLog,
  { reply: { code, lines }, command, early }: Refusal,
  { commandLine, commandHistory, isClosing, maxOctets }: Circumstances,
): boolean {
  const said = printable(command);
  const tooMany = TOO_MANY.get(lines.at(-1) ?? "");
  if (tooMany !== undefined) {
    // It is an error like those before it.
    const why = lines.length > 1 ? lines.slice(0, -1).join(" ") : "unrecognized command";
    if (lines.length > 1 || code === 500) log.error(said, code, why);
    const incomplete = INCOMPLETE.get(tooMany);
    if (incomplete !== undefined) log.incomplete(incomplete);
    log.dropped(`${tooMany} (${last(tooMany, command, commandHistory)})`);
  } else if (lines[0].endsWith(" address must contain a domain")) {
    const what = UNQUALIFIED[command.charAt(0).toUpperCase()] ?? "recipient";
    log.unqualified(what, what === "verify" ? `<${printable(command.slice(5).trim())}>` : pathText(commandLine));
  } else if (early !== undefined) {
    log.outOfSync(said, early);
  } else if (code === 503 && /^MAIL/i.test(command)) {
    log.notGreeted("MAIL from", "no HELO/EHLO given");
    log.error(said, code, lines[0]);
  } else if (code === 501 && /^(?:HELO|EHLO)/i.test(command)) {
    const [verb = "", argument = ""] = /^(....) *(.*)/.exec(said)?.slice(1) ?? [];
    const what = argument === "" ? "(no argument given)" : argument;
    log.notGreeted(`${verb.toUpperCase()} from`, `syntactically invalid argument(s): ${what}`);
    // What was one too many ends the session, which is told as well.
    if (isClosing) log.dropped(`${ERRORS} (${last(ERRORS, command, commandHistory)})`);
  } else if (/^too many recipients$/i.test(lines[0])) {
    log.tooManyRecipients(code === 452 ? "excess temporarily rejected" : "message rejected");
  } else if (code === 552 && /^MAIL /i.test(command)) {
    const [what, size] = [command.replace(/ +[A-Za-z0-9]+=.*$/, ""), /SIZE=([0-9]+)/i.exec(command)?.[1]];
    log.refusedMail(printable(what), `message too big: size=${size} max=${maxOctets}`, "size_reject");
  } else if (lines[0] === "too many messages in this connection") {
    log.refusedMail("MAIL command", "too many messages in one connection");
  } else return false;
  return true;
}

const ERRORS = "too many syntax or protocol errors";
const NONMAIL = "too many nonmail commands";
const UNKNOWN = "too many unrecognized commands";

/** What the client has done too often, as we say it, and in Exim's words for the log. */
const TOO_MANY: ReadonlyMap<string, string> = new Map([
  ["Too many unrecognized commands", UNKNOWN],
  ["Too many nonmail commands", NONMAIL],
  ["Too many syntax or protocol errors", ERRORS],
]);

/** How a transaction ends by it. */
const INCOMPLETE: ReadonlyMap<string, string> = new Map([
  [NONMAIL, "too many non-mail commands"],
  [UNKNOWN, "unrecognized command"],
]);

/** By the first letter of the command. */
const UNQUALIFIED: Readonly<Record<string, "sender" | "verify">> = { M: "sender", V: "verify" };

function last(tooMany: string, command: string, history: string): string {
  if (tooMany === ERRORS) return `last command was "${printable(command)}", C=${history}`;
  return `last was "${printable(tooMany === NONMAIL ? (/^\S*/.exec(command)?.[0] ?? "") : command)}"`;
}
