import type { Bounce, BounceRecipient } from "./bounce.ts";
import { foldedField, plainText } from "./plain-text.ts";
import { failureStatus, remoteReply } from "./remote-reply.ts";

/** As Exim cuts Diagnostic-Code. */
const MAX_DIAGNOSTIC = 950;
/** RFC 5321 §4.5.3.1: 64 + 1 + 255, with room for what is longer in practice. */
const MAX_ADDRESS = 500;

/** The machine-readable part (RFC 3464 §2): fields of the message, then a group of fields for each recipient. */
export function deliveryStatus(bounce: Bounce): string {
  const perMessage = [
    foldedField("Reporting-MTA", `dns; ${plainText(bounce.primaryHostname, MAX_ADDRESS)}`),
    foldedField("X-Postbus-Queue-ID", bounce.queueId),
    foldedField("Arrival-Date", rfc5322Date(bounce.receivedAtMs)),
  ].join("");
  return [perMessage, ...bounce.recipients.map((recipient) => ofRecipient(recipient, bounce.nowMs))].join("\r\n");
}

function ofRecipient(recipient: BounceRecipient, nowMs: number): string {
  const { address, host, hostAddress, hostPort } = recipient;
  const text = plainText(recipient.text, MAX_DIAGNOSTIC);
  const { ownReply } = recipient;
  const reply = ownReply === undefined ? remoteReply(text) : undefined;
  let fields = foldedField("Action", "failed");
  fields += foldedField("Final-Recipient", `rfc822;${plainText(address, MAX_ADDRESS)}`);
  fields += foldedField("Status", failureStatus(recipient));
  if (host !== undefined) fields += foldedField("Remote-MTA", `dns; ${plainText(host, MAX_ADDRESS)}`);
  if (host !== undefined && hostAddress !== undefined) {
    const port = hostPort === undefined || hostPort === 25 ? "" : `:${hostPort}`;
    fields += foldedField("X-Remote-MTA-IP", `[${hostAddress}]${port}`);
  }
  fields += foldedField(
    "Diagnostic-Code",
    reply === undefined ? `X-Postbus; ${plainText(ownReply ?? text, MAX_DIAGNOSTIC)}` : `smtp; ${reply}`,
  );
  fields += foldedField("Last-Attempt-Date", rfc5322Date(nowMs));
  return fields;
}

/** RFC 5322 §3.3, in UTC. */
export const rfc5322Date = (atMs: number): string => new Date(atMs).toUTCString().replace("GMT", "+0000");
