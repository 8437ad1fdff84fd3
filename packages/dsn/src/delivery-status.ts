import { decodeXtext, isXtext } from "@postbus/mail";
import { foldedField, plainLines, plainText } from "./plain-text.ts";
import type { Report, ReportRecipient } from "./report.ts";
import { MAX_ADDRESS, originalAddress, typedAddress } from "./reported-address.ts";
import { remoteReply, statusCode } from "./status-code.ts";

/** As Exim cuts Diagnostic-Code. */
const MAX_DIAGNOSTIC = 950;
/** As Exim cuts X-Exim-Diagnostic. */
const MAX_MESSAGE = 1023;
/** As Exim keeps a greeting and a reply to EHLO. */
const MAX_FIRST_LINE = 128;
/** With what is said of them in short, fifty recipients stay below what is left. */
const DETAILS_SHARE = 4;

/** The machine-readable part (RFC 3464 §2): fields of the message, then a group of fields for each recipient. */
export function deliveryStatus(report: Report, isUtf8: boolean): string {
  const { primaryHostname, envelopeId, queueId, receivedAtMs } = report;
  const perMessage = [
    foldedField("Reporting-MTA", `dns; ${plainText(primaryHostname, MAX_ADDRESS)}`),
    envelopeId === undefined ? "" : foldedField("Original-Envelope-Id", decoded(envelopeId)),
    foldedField("X-Postbus-Queue-ID", queueId),
    foldedField("Arrival-Date", rfc5322Date(receivedAtMs)),
  ].join("");
  let all = perMessage;
  for (const recipient of report.recipients) {
    // Peers choose how long they are; of many recipients, the last ones have the short form.
    const givesDetails = report.wording.givesDetails && all.length < report.maxOctets / DETAILS_SHARE;
    all += `\r\n${ofRecipient(recipient, report, { isUtf8, givesDetails })}`;
  }
  return all;
}

interface Form {
  readonly isUtf8: boolean;
  readonly givesDetails: boolean;
}

/** RFC 3464 §2.2.1: as the sender has meant it, not as it was coded in MAIL. */
const decoded = (envelopeId: string): string =>
  plainText(isXtext(envelopeId) ? decodeXtext(envelopeId) : envelopeId, MAX_ADDRESS);

const ACTIONS = { failure: "failed", delay: "delayed", success: "delivered" } as const;

function ofRecipient(recipient: ReportRecipient, report: Report, { isUtf8, givesDetails }: Form): string {
  const { address, parents, originalRecipient, action = ACTIONS[report.kind], retryUntilMs } = recipient;
  let fields = "";
  const original = originalRecipient === undefined ? undefined : originalAddress(originalRecipient, isUtf8);
  if (original !== undefined) fields += foldedField("Original-Recipient", original);
  fields += foldedField("Action", action);
  // The sender knows the address that he has given, not those that were made of it.
  fields += foldedField("Final-Recipient", typedAddress(parents?.at(-1) ?? address, isUtf8));
  fields += foldedField("Status", statusCode(report.kind, recipient));
  fields += whatHostSaid(recipient, givesDetails && report.kind === "failure");
  fields += foldedField("Last-Attempt-Date", rfc5322Date(report.nowMs));
  if (retryUntilMs !== undefined) fields += foldedField("Will-Retry-Until", rfc5322Date(retryUntilMs));
  return fields;
}

function whatHostSaid(recipient: ReportRecipient, givesDetails: boolean): string {
  const { host, hostAddress, hostPort, greeting, heloReply, text, ownReply } = recipient;
  let fields = host === undefined ? "" : foldedField("Remote-MTA", `dns; ${plainText(host, MAX_ADDRESS)}`);
  if (givesDetails) {
    if (host !== undefined && hostAddress !== undefined) {
      const port = hostPort === undefined || hostPort === 25 ? "" : `:${hostPort}`;
      fields += foldedField("Remote-MTA", `X-ip; [${hostAddress}]${port}`);
    }
    const said = (name: string, line: string | undefined) =>
      line === undefined ? "" : foldedField(name, `X-str; ${plainText(line, MAX_FIRST_LINE)}`);
    fields += said("X-Remote-MTA-smtp-greeting", greeting);
    fields += said("X-Remote-MTA-helo-response", heloReply);
    const [first = "", ...more] = plainLines(text, MAX_MESSAGE);
    // The address may be in it.
    if (first !== "" && recipient.isHidden !== true)
      fields += foldedField("X-Exim-Diagnostic", `X-str; ${first}`, ...more);
  }
  const reply = ownReply === undefined ? remoteReply(text) : undefined;
  const [first = "", ...more] = plainLines(reply ?? ownReply ?? text, MAX_DIAGNOSTIC);
  if (first === "") return fields;
  return fields + foldedField("Diagnostic-Code", `${reply === undefined ? "X-Postbus" : "smtp"}; ${first}`, ...more);
}

/** RFC 5322 §3.3, in UTC. */
export const rfc5322Date = (atMs: number): string => new Date(atMs).toUTCString().replace("GMT", "+0000");
