import type { Decided, Deferred, Delivered, Failed, MailEvent, Received, Rejected } from "@postbus/contracts";
import { localPartOf } from "@postbus/mail";
import { logTime } from "./log-time.ts";
import { osErrorText } from "./os-error-text.ts";
import { printable } from "./printable.ts";

/** Exim cuts the next hop's reply there (`C=`, spec: logs §4.3). */
const MAX_CONFIRMATION = 1_024;

/** Exim's code for "not tried: its retry time has not come" (for the address, for the host). */
const NOT_YET: readonly number[] = [-51, -52];

/**
 * An event as Exim writes it with its default log selectors, line end included. exigrep and eximstats read these
 * lines: the time, a blank, the message id, a blank and the flag are at fixed columns (spec: logs §4).
 *
 * @returns A latin1 string; whatever an event holds, it is one line. Empty: Exim's log has nothing of the kind.
 */
export function logLine(event: MailEvent): string {
  if (event.name === "msg:decided") return "";
  return `${logTime(event.atMs)} ${body(event)}\n`;
}

function body(event: Exclude<MailEvent, Decided>): string {
  switch (event.name) {
    case "msg:received":
      return `${event.messageId} <= ${arrival(event)}`;
    case "msg:delivery":
      return `${event.messageId} ${event.further === true ? "->" : "=>"} ${delivery(event)}`;
    case "msg:defer":
      return `${event.messageId} == ${deferral(event)}`;
    case "msg:fail:delivery":
      return `${event.messageId} ** ${failure(event)}`;
    case "msg:complete":
      return `${event.messageId} Completed`;
    case "msg:frozen":
      return `${event.messageId} ${freezing(event.reason)}`;
    case "msg:note":
      return `${event.messageId} ${printable(event.text)}`;
    case "smtp:reject":
      return rejection(event);
    default:
      return unreachable(event);
  }
}

/** `<= SENDER R= H= P= X= CV= A= PRDR PRX= K S= DKIM= id=` (spec: logs §4.2). */
function arrival({ returnPath, reception, proxyAddress, facts }: Received): string {
  const { protocol, cipher, certificateVerified, authenticator, authenticatedId, headerMessageId, size, about } =
    reception;
  let line = returnPath === "" ? "<>" : printable(returnPath);
  if (about !== undefined) line += ` R=${about}`;
  if (reception.clientAddress !== undefined) line += ` ${client(reception.clientAddress, reception.helo)}`;
  line += ` P=${protocol}`;
  if (cipher !== undefined) line += ` X=${cipher}`;
  if (certificateVerified !== undefined) line += ` CV=${certificateVerified ? "yes" : "no"}`;
  if (authenticator !== undefined) line += ` A=${authentication(authenticator, authenticatedId)}`;
  if (reception.isPrdr === true) line += " PRDR";
  if (proxyAddress !== undefined) line += ` PRX=${proxyAddress}`;
  if (reception.isChunked === true) line += " K";
  line += ` S=${size}`;
  const signature = facts?.dkim?.find((fact) => fact.result === "pass");
  if (signature !== undefined) line += ` DKIM=${printable(signature.domain)}`;
  // A peer chose it: with blanks in it, it could pass for other fields.
  if (headerMessageId !== undefined && /^\S+$/.test(headerMessageId)) line += ` id=${printable(headerMessageId)}`;
  return line;
}

const authentication = (by: string, id: string | undefined): string =>
  id === undefined ? by : `${by}:${printable(id)}`;

/** `H=(helo) [ip]`: in parentheses, for nobody has verified it. */
function client(address: string, helo: string | undefined): string {
  return helo === undefined || helo === "" ? `H=[${address}]` : `H=(${printable(helo)}) [${address}]`;
}

/** `FINAL <original> R= T= H= X= C="…"` (spec: logs §4.3). */
function delivery(event: Delivered): string {
  const { recipient, transport, cipher, confirmation } = event;
  let line = printable(recipient);
  // Without a transport nothing was carried: the router has thrown it away.
  if (transport === undefined) line = `:blackhole: <${line}>`;
  // A local delivery shows the mailbox's name (the accept router's `log_as_local`).
  else if (event.host === undefined && event.hostAddress === undefined)
    line = `${printable(localPartOf(recipient))} <${line}>`;
  if (event.srsSender !== undefined) line += ` SRS=<${printable(event.srsSender)}>`;
  line += route(event);
  const hop = host(event);
  if (hop !== "") line += event.reused === true ? `${hop}*` : hop;
  if (cipher !== undefined) line += ` X=${cipher}`;
  if (confirmation !== undefined) line += ` C="${quoted(confirmation)}"`;
  return line;
}

const quoted = (text: string): string => printable(text).replace(/["\\]/g, "\\$&").slice(0, MAX_CONFIRMATION);

/** `ADDRESS R= T= defer (ERRNO): STRERROR H=host [ip]: MESSAGE` (spec: logs §4.4). */
function deferral(event: Deferred): string {
  const { recipient, router, transport, errno, text } = event;
  let line = printable(recipient) + route(event);
  // Put off before anything was tried: "routing" stands where the router would.
  if (router === undefined && transport === undefined && NOT_YET.includes(errno)) line += " routing";
  line += ` defer (${errno})`;
  const strerror = errno > 0 ? osErrorText(errno) : "";
  if (strerror !== "") line += `: ${strerror}`;
  line += host(event);
  if (text !== "" && text.toLowerCase() !== strerror.toLowerCase()) line += `: ${printable(text)}`;
  return line;
}

/** `ADDRESS R= T= H=: MESSAGE` (spec: logs §4.5; with the separator of Exim up to 4.98, which every tool reads). */
function failure(event: Failed): string {
  return `${printable(event.recipient)}${route(event)}${host(event)}: ${printable(event.text)}`;
}

function freezing(reason: string): string {
  if (reason === "") return "Frozen";
  // An operator's doing has Exim's own words: `frozen by …`.
  return reason.startsWith("frozen by") ? printable(reason) : `Frozen (${printable(reason)})`;
}

function rejection({ clientAddress, helo, returnPath, text, ofHandshake, ofConnection }: Rejected): string {
  if (ofHandshake === true) {
    const from = client(clientAddress, helo).replace(/^H=/, "");
    return `TLS error on connection from ${from} ${printable(text)}`;
  }
  if (ofConnection === true) return `Connection from [${printable(clientAddress)}] refused: ${printable(text)}`;
  const sender = returnPath === undefined ? "" : ` F=<${printable(returnPath)}>`;
  return `${client(clientAddress, helo)}${sender} ${printable(text)}`;
}

function route({ router, transport }: { readonly router?: string; readonly transport?: string }): string {
  const by = router === undefined ? "" : ` R=${router}`;
  return transport === undefined ? by : `${by} T=${transport}`;
}

/** Selector `outgoing_port` is off by default: no port. */
function host({ host: name, hostAddress }: { readonly host?: string; readonly hostAddress?: string }): string {
  if (name === undefined && hostAddress === undefined) return "";
  const shown = printable(name ?? hostAddress ?? "");
  return hostAddress === undefined ? ` H=${shown}` : ` H=${shown} [${hostAddress}]`;
}

function unreachable(event: never): never {
  throw new Error(`unhandled event: ${JSON.stringify(event)}`);
}
