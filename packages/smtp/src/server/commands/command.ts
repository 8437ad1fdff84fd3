import { formatReply, trimEnd } from "@postbus/mail";
import { watchedCommand } from "../line-observer.ts";
import * as replies from "../replies.ts";
import type { SessionCore } from "../session-core.ts";
import type { SessionStep } from "../session-step.ts";
import { auth, MAX_AUTH_OCTETS } from "./auth.ts";
import { bdat } from "./bdat.ts";
import { outOfOrder } from "./content.ts";
import { data } from "./data.ts";
import { hello } from "./hello.ts";
import { mail } from "./mail.ts";
import { etrn, expn, quit, rset, vrfy } from "./other.ts";
import { rcpt } from "./rcpt.ts";
import { startTls } from "./starttls.ts";
import { xclient } from "./xclient.ts";

/** Does what a command says whose verb is known and in order. @returns A step to take, or undefined: all is said. */
type Command = (core: SessionCore, argument: string) => SessionStep | undefined;

/**
 * Octets of a command line, CRLF included. RFC 5321 §4.5.3.1.4 has 512, extensions add some 1,100 (RFC 1870, RFC 3461
 * §5, RFC 4954 §3 more); what is longer comes from nobody who sends mail, and must not make us hold more.
 */
const MAX_COMMAND_OCTETS = 4096;
// biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
const CONTROL = /[\x00-\x1f\x7f]/;

const notImplemented: Command = (core) => core.protocolError(replies.notImplemented);

/** Of mail itself. */
const MAIL_COMMANDS: ReadonlyMap<string, Command> = new Map([
  ["MAIL", mail],
  ["RCPT", rcpt],
  ["DATA", data],
  ["BDAT", bdat],
]);

const OTHER_COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ["EHLO", (core, argument) => hello(core, "EHLO", argument)],
  ["HELO", (core, argument) => hello(core, "HELO", argument)],
  ["RSET", rset],
  ["NOOP", (core) => void core.say(replies.ok)],
  ["QUIT", quit],
  ["VRFY", vrfy],
  ["HELP", (core) => void core.say(replies.help)],
  ["STARTTLS", startTls],
  ["XCLIENT", xclient],
  ["AUTH", auth],
  ["EXPN", expn],
  ["ETRN", etrn],
  ["TURN", notImplemented],
  ["SEND", notImplemented],
  ["SOML", notImplemented],
  ["SAML", notImplemented],
]);

/** RFC 2920 §3.1: they can only be the last of a group. (QUIT could be, too, but nothing counts behind it.) */
const GROUP_ENDS: ReadonlySet<string> = new Set(["VRFY", "EXPN", "NOOP", "ETRN"]);

/** What Exim lets a client say before its message is complete. */
const BETWEEN_CHUNKS: ReadonlySet<string> = new Set(["RSET", "NOOP", "QUIT"]);

/** Reads the next line as a command and does what it says. */
export function nextCommand(core: SessionCore): SessionStep | undefined {
  // Looked at where much has come, only.
  const isLongAuth = core.input.length >= MAX_COMMAND_OCTETS && /^AUTH /i.test(core.input.beginning(5));
  const line = core.input.line(isLongAuth ? MAX_AUTH_OCTETS : MAX_COMMAND_OCTETS);
  if (line === "incomplete") return { kind: "read" };
  if (line === "too long") return core.close(replies.lineTooLong, "command line without end");
  core.line = line.text;
  if (core.observer?.isWatching === true) core.observer.line(watchedCommand(line.text));
  if (!line.hasCr) return core.protocolError(replies.bareLineFeed);
  if (line.text.includes("\0")) return core.protocolError(replies.nulCharacter);
  if (CONTROL.test(line.text)) return core.protocolError(replies.controlCharacter);
  return command(core, line.text);
}

function command(core: SessionCore, line: string): SessionStep | undefined {
  // RFC 5321 §4.1.1: trailing blanks are to be tolerated.
  const text = line.endsWith(" ") ? trimEnd(line) : line;
  core.line = text;
  const blank = text.indexOf(" ");
  const verb = (blank < 0 ? text : text.slice(0, blank)).toUpperCase();
  const argument = blank < 0 ? "" : text.slice(blank + 1);
  if (core.refusesCommands && verb !== "QUIT") return refuse(core);
  if (verb !== "RCPT" && verb !== "BDAT" && core.limits.commandWithoutMessage()) {
    return core.close(replies.tooManyCommands);
  }
  core.history.add(verb);
  // Behind BDAT stands content.
  if (verb === "MAIL") core.hasPipelined = false;
  if (verb !== "BDAT" && core.input.length > 0 && core.mayPipeline) core.hasPipelined = true;
  if (verb !== "BDAT") {
    core.isChunkRefused = false;
    if (core.reading !== undefined && !BETWEEN_CHUNKS.has(verb)) return outOfOrder(core);
    if (core.isOutOfOrder && verb !== "RSET" && verb !== "QUIT") return core.protocolError(replies.onlyReset);
  }
  const ofMail = MAIL_COMMANDS.get(verb);
  if (ofMail !== undefined) return ofMail(core, argument);
  core.isLastRcpt = false;
  core.isMailRefused = false;
  if (core.limits.nonmail(verb, core.standing.isNonmailLimited)) return core.close(replies.tooManyNonmailCommands);
  if (GROUP_ENDS.has(verb) && core.reading === undefined && core.isAheadInTransaction) return core.outOfSync();
  const other = OTHER_COMMANDS.get(verb);
  return other === undefined ? core.unknownCommand() : other(core, argument);
}

/** As in Exim, where a required PROXY header has not come. */
function refuse(core: SessionCore): undefined {
  if (core.limits.refusedCommand()) return core.close(replies.tooManyCommands);
  core.output += formatReply(replies.proxyRequired);
}
