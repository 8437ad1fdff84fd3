import type { Completed, Decided, Deferred, DmarcChecked, MailEvent, Written } from "@postbus/contracts";
import { arrival } from "./lines/arrival.ts";
import { deferral, delivery, failure } from "./lines/attempt.ts";
import { client } from "./lines/client.ts";
import { rejection } from "./lines/rejection.ts";
import { type LogStyle, span } from "./log-style.ts";
import { logTime } from "./log-time.ts";
import { printable } from "./printable.ts";

/** Exim's codes for "not tried: its retry time has not come": from here on for routing, a mailbox, a host. */
const NOT_YET = -51;

/**
 * An event as Exim writes it, line end included. exigrep and eximstats read these lines: the time, a blank, the message
 * id, a blank and the flag are at fixed columns (Exim's manual, "Log files").
 *
 * @returns A latin1 string; whatever an event holds, it is one line. Empty: Exim's log has nothing of the kind.
 */
export function logLine(event: MailEvent, style: LogStyle): string {
  if (event.name === "msg:decided" || event.name === "dmarc:check" || isLeftOut(event, style)) return "";
  return `${logTime(event.atMs, style)} ${body(event, style)}\n`;
}

type LoggedEvent = Exclude<MailEvent, Decided | DmarcChecked>;

function isLeftOut(event: LoggedEvent, style: LogStyle): boolean {
  switch (event.name) {
    case "msg:defer":
      if (event.errno <= NOT_YET && !style.selectors.has("retry_defer")) return true;
      return style.isSilent(event.router, event.transport);
    case "msg:delivery":
    case "msg:fail:delivery":
      return style.isSilent(event.router, event.transport);
    case "smtp:reject":
      if (event.targets !== undefined) return !event.targets.includes("main");
      return event.ofConnection === true && !style.selectors.has("connection_reject");
    case "log:line":
      return event.targets !== undefined && !event.targets.some((target) => target !== "reject");
    default:
      return false;
  }
}

function body(event: LoggedEvent, style: LogStyle): string {
  switch (event.name) {
    case "msg:received":
      return `${event.messageId} ${event.isFakeRejected === true ? "(=" : "<="} ${arrival(event, style)}`;
    case "msg:delivery":
      return `${event.messageId} ${event.further === true ? "->" : "=>"} ${delivery(event, style)}`;
    case "msg:defer":
      return `${event.messageId} == ${deferral(event, style, isPutOff(event))}`;
    case "msg:fail:delivery":
      return `${event.messageId} ** ${failure(event, style)}`;
    case "msg:complete":
      return `${event.messageId} Completed${queueTime(event, style)}`;
    case "msg:frozen":
      return `${event.messageId} ${freezing(event.reason)}`;
    case "msg:note":
      return `${event.messageId} ${printable(event.text)}`;
    case "smtp:reject":
      return rejection(event, style);
    case "log:line":
      return written(event, style);
    default:
      return unreachable(event);
  }
}

const queueTime = ({ queuedMs }: Completed, style: LogStyle): string =>
  queuedMs === undefined ? "" : ` QT=${span(queuedMs, style)}`;

/** Put off before anything was tried: "routing" stands where the router would. */
const isPutOff = ({ router, transport, errno }: Deferred): boolean =>
  router === undefined && transport === undefined && errno <= NOT_YET;

function freezing(reason: string): string {
  if (reason === "") return "Frozen";
  // An operator's doing has Exim's own words: `frozen by …`.
  return reason.startsWith("frozen by") ? printable(reason) : `Frozen (${printable(reason)})`;
}

function written(event: Written, style: LogStyle): string {
  const { messageId, before, clientAddress, between = "", tookMs, text } = event;
  let line = messageId === undefined ? "" : `${messageId} `;
  if (before !== undefined) line += printable(before);
  if (clientAddress !== undefined) line += client(event, style);
  line += between;
  if (tookMs !== undefined) line += ` D=${span(tookMs, style)}`;
  return line + printable(text);
}

function unreachable(event: never): never {
  throw new Error(`unhandled event: ${JSON.stringify(event)}`);
}
