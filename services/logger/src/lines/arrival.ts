import type { DmarcFact, Received } from "@postbus/contracts";
import { type LogStyle, span } from "../log-style.ts";
import { printable } from "../printable.ts";
import { client } from "./client.ts";
import { spfField } from "./spf-field.ts";

/** `SENDER R= DS H= I= Ci= P= L X= CV= DN= SNI= A= PRDR PRX= SPF= K S= M8S= DKIM= ARC RT= id= id*= T= from for`, of which those that are selected and known. */
export function arrival(event: Received, style: LogStyle): string {
  const { returnPath, reception, recipients } = event;
  const { selectors } = style;
  let line = addressOr(returnPath, "<>");
  if (reception.about !== undefined) line += ` R=${reception.about}`;
  if (event.isNameAuthenticated === true) line += " DS";
  if (reception.clientAddress !== undefined) line += ` H=${client({ ...reception, ...event }, style)}`;
  line += ` P=${reception.protocol}`;
  if (event.pipelining !== undefined) line += ` ${event.pipelining}`;
  line += tlsFields(reception, style, event.isResumed) + authentication(event, style);
  if (reception.isPrdr === true) line += " PRDR";
  if (event.proxyAddress !== undefined) line += ` PRX=${event.proxyAddress}`;
  line += spfField(event.facts?.spf?.result, style);
  if (reception.isChunked === true) line += " K";
  line += ` S=${reception.size}`;
  if (event.bodyBits !== undefined) line += ` M8S=${event.bodyBits}`;
  line += checked(event, style);
  if (event.tookMs !== undefined) line += ` RT=${span(event.tookMs, style)}`;
  line += messageIdField(reception, style);
  if (event.subject !== undefined) line += ` T="${subject(event.subject)}"`;
  if (selectors.has("received_sender")) line += ` from <${printable(event.givenPath ?? returnPath)}>`;
  if (recipients.length > 0 && selectors.has("received_recipients"))
    line += ` for ${recipients.map(printable).join(" ")}`;
  return line;
}

/** It is shown as it came: encoded words are not read, and what is no ASCII is escaped. */
const subject = (text: string): string =>
  printable(text.replace(/["\\]/g, "\\$&")).replace(/[\x80-\xff]/g, (c) => `\\${c.charCodeAt(0).toString(8)}`);

const addressOr = (address: string, none: string): string => (address === "" ? none : printable(address));

/** `X=cipher CV=yes DN="name" SNI=name` */
export function tlsFields(
  over: Pick<Received["reception"], "cipher" | "certificateVerified" | "peerName" | "serverName">,
  { selectors }: LogStyle,
  isResumed = false,
): string {
  const { cipher, certificateVerified, peerName, serverName } = over;
  if (cipher === undefined) return "";
  let fields = selectors.has("tls_cipher") ? ` X=${cipher}${isResumed ? "*" : ""}` : "";
  if (certificateVerified !== undefined && selectors.has("tls_certificate_verified")) {
    fields += ` CV=${certificateVerified ? "yes" : "no"}`;
  }
  if (peerName !== undefined && selectors.has("tls_peerdn")) fields += ` DN="${printable(peerName)}"`;
  if (serverName !== undefined && selectors.has("tls_sni")) fields += ` SNI=${printable(serverName)}`;
  return fields;
}

/** `A=by:id:sender`; the sender by `smtp_mailauth`. */
function authentication({ reception, authenticatedSender }: Received, { selectors }: LogStyle): string {
  const { authenticator, authenticatedId } = reception;
  if (authenticator === undefined) return "";
  let field = ` A=${authenticator}`;
  if (authenticatedId !== undefined) field += `:${printable(authenticatedId)}`;
  if (authenticatedSender !== undefined && selectors.has("smtp_mailauth"))
    field += `:${printable(authenticatedSender)}`;
  return field;
}

/** What verifier has found. */
function checked({ facts }: Received, { selectors }: LogStyle): string {
  const signature = selectors.has("dkim") ? facts?.dkim?.find((fact) => fact.result === "pass") : undefined;
  const signed = signature === undefined ? "" : ` DKIM=${printable(signature.domain)}`;
  const sealed = selectors.has("dkim") && facts?.arc?.result === "pass" ? " ARC" : "";
  return signed + sealed + judged(facts?.dmarc, selectors);
}

/** `DMARC` where the author is proved; with `dmarc_verbose`, whatever has been found: `DMARC=quarantine`. */
function judged(dmarc: DmarcFact | undefined, selectors: LogStyle["selectors"]): string {
  if (dmarc === undefined) return "";
  if (selectors.has("dmarc_verbose")) return ` DMARC=${dmarcWord(dmarc)}`;
  return selectors.has("dmarc") && dmarc.result === "pass" ? " DMARC" : "";
}

function dmarcWord({ result, policy = "none", domain }: DmarcFact): string {
  if (result === "pass") return "accept";
  if (result === "fail") return printable(policy);
  if (result === "temperror") return "temperror";
  return result === "none" && domain !== "" ? "norecord" : "nofrom";
}

/** A peer chose it: with blanks in it, it could pass for other fields. */
function messageIdField({ headerMessageId, about }: Received["reception"], { selectors }: LogStyle): string {
  // Of a report, we have made it.
  const isOurs = about !== undefined;
  if (headerMessageId === undefined || !selectors.has(isOurs ? "msg_id_created" : "msg_id")) return "";
  return /^\S+$/.test(headerMessageId) ? ` ${isOurs ? "id*" : "id"}=${printable(headerMessageId)}` : "";
}
