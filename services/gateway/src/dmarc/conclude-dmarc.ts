import type { DmarcChecked } from "@postbus/contracts";
import { fieldValue, type HeaderField } from "@postbus/mail";
import { dmarcStatus, STATUS_TEXTS } from "../facts/dmarc-fact.ts";
import type { Incoming } from "../incoming.ts";
import type { Surroundings } from "../surroundings.ts";
import { dmarcCheckedEvent } from "./checked-event.ts";
import { isReportWanted } from "./forensic-reports.ts";

/** What becomes of a message; the last two by the policy. */
export type EndOfMessage = "taken" | "discarded" | "refused" | "dropped";

/** A message of which it is known what becomes of it. */
interface Ended {
  readonly messageId: string;
  /** Milliseconds since the epoch. */
  readonly receivedAtMs: number;
  readonly end: EndOfMessage;
  /** Of the reply, if somebody has chosen it. */
  readonly code: number | undefined;
  /** As it came. */
  readonly header: Buffer;
  readonly fields: readonly HeaderField[];
}

type Around = Pick<Surroundings, "policy" | "forensics" | "log" | "bus">;

/**
 * What follows from a policy's question about DMARC: a failure report, which nobody waits for, and the record of the check.
 *
 * @returns an event that is to be committed with the message. Of one that is not taken it is recorded, as well as that can be.
 */
export async function concludeDmarc(
  incoming: Incoming,
  around: Around,
  ended: Ended,
): Promise<DmarcChecked | undefined> {
  const { bus, log } = around;
  const checked = await checkedEvent(incoming, around, ended);
  if (checked === undefined || ended.end === "taken") return checked;
  try {
    await bus.events.record([checked]);
  } catch (err) {
    log.warn({ err, messageId: ended.messageId }, "what DMARC has said could not be recorded");
  }
  return undefined;
}

async function checkedEvent(
  { envelope, acls, client }: Incoming,
  { policy, forensics, log }: Around,
  ended: Ended,
): Promise<DmarcChecked | undefined> {
  const judged = await envelope.facts.dmarc();
  if (judged?.detail?.record === undefined) return undefined;
  const { fact, detail } = judged;
  const facts = (await envelope.facts.known()) ?? {};
  const { messageId, receivedAtMs } = ended;
  const outcome = outcomeOf(ended);
  const { message } = acls.session;
  const status = dmarcStatus(fact);
  const hasFailed = status === "reject" || status === "quarantine";
  if (hasFailed && message.controls.sendsDmarcReports === true && isReportWanted(detail, facts) && !isReport(ended)) {
    try {
      forensics.send({
        messageId,
        domain: fact.domain,
        clientAddress: client.address,
        returnPath: envelope.returnPath,
        receivedAtMs,
        facts,
        detail,
        statusText: STATUS_TEXTS[status],
        isRefused: outcome === "refused",
        header: ended.header.toString("latin1"),
        sender: await policy.dmarc.forensicSender(acls.session),
        suffixFile: await policy.dmarc.suffixFile?.(),
        authenticatedSender: policy.reports.authenticatedSender,
      });
    } catch (err) {
      log.warn({ err, messageId }, "no failure report: its sender cannot be found out");
    }
  }
  if (policy.dmarc.historyFile === undefined && policy.dmarc.aggregateSender === undefined) return undefined;
  return dmarcCheckedEvent(judged, {
    messageId,
    atMs: receivedAtMs,
    clientAddress: client.address,
    helo: client.helo,
    returnPath: envelope.returnPath,
    outcome,
    facts,
    sendsAggregates: policy.dmarc.aggregateSender !== undefined,
    arc: String(message.found.get("arc_state") ?? ""),
  });
}

/** Without words of its own, a refusal is a 4xx. */
function outcomeOf({ end, code = 451 }: Ended): DmarcChecked["outcome"] {
  if (end === "taken" || end === "discarded") return "accepted";
  return code >= 500 ? "refused" : "deferred";
}

/** Nobody reports a report (RFC 9991 §7), nor what else no person has sent. */
function isReport({ header, fields }: Ended): boolean {
  const value = (name: string): string => {
    const field = fields.find((each) => each.name === name);
    return field === undefined ? "" : fieldValue(header, field).trim();
  };
  const submitted = value("auto-submitted");
  return (submitted !== "" && !/^no\b/i.test(submitted)) || /^multipart\/report\b/i.test(value("content-type"));
}
