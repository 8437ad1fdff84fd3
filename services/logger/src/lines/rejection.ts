import type { Rejected } from "@postbus/contracts";
import type { LogStyle } from "../log-style.ts";
import { printable } from "../printable.ts";
import { tlsFields } from "./arrival.ts";
import { client } from "./client.ts";
import { spfField } from "./spf-field.ts";

/** `H=… F=<sender> rejected RCPT <address>: …`, and what was refused of connections. */
export function rejection(event: Rejected, style: LogStyle): string {
  const { returnPath, text, ofHandshake, ofConnection, messageId, spf } = event;
  const from = client(event, style);
  if (ofHandshake === true) return `TLS error on connection from ${from} ${printable(text)}`;
  if (ofConnection === true) return `Connection from ${from} refused: ${printable(text)}`;
  const sender = returnPath === undefined || !WITH_SENDER.test(text) ? "" : ` F=<${printable(returnPath)}>${by(event)}`;
  const over = event.tls === undefined ? "" : tlsFields(event.tls, style);
  const of = messageId === undefined ? "" : `${messageId} `;
  return `${of}H=${from}${over}${sender}${spfField(spf, style)} ${printable(text)}`;
}

/** As in Exim, the sender stands in lines about recipients and content; elsewhere it is known by the command, or not yet. */
const WITH_SENDER = /^(?:temporarily )?rejected (?:RCPT|after DATA|during MIME)/;

function by({ authenticator, authenticatedId }: Rejected): string {
  if (authenticator === undefined) return "";
  return ` A=${authenticator}${authenticatedId === undefined ? "" : `:${printable(authenticatedId)}`}`;
}
