import type { DmarcChecked } from "@postbus/contracts";
import { textOf } from "@postbus/policy";
import { dmarcStatus } from "../facts/dmarc-fact.ts";
import type { Incoming } from "../incoming.ts";
import type { Surroundings } from "../surroundings.ts";
import { dmarcCheckedEvent } from "./checked-event.ts";
import { isReportWanted } from "./forensic-reports.ts";

/** A message of which it is known what becomes of it. */
interface Ended {
  readonly messageId: string;
  /** Milliseconds since the epoch. */
  readonly receivedAtMs: number;
  readonly outcome: DmarcChecked["outcome"];
  /** As it came, latin1. */
  header(): string;
  /** Of the header section, without folds; undefined: it has no such field. */
  field(name: string): string | undefined;
}

/**
 * What follows from a policy's question about DMARC: a failure report, which nobody waits for, and the event that is to be
 * recorded. Undefined: there is nothing to record.
 */
export async function concludeDmarc(
  { envelope, acls, client }: Incoming,
  { policy, forensics, log }: Pick<Surroundings, "policy" | "forensics" | "log">,
  ended: Ended,
): Promise<DmarcChecked | undefined> {
  const judged = await envelope.facts.dmarc();
  if (judged?.detail?.record === undefined) return undefined;
  const { fact, detail } = judged;
  const facts = (await envelope.facts.known()) ?? {};
  const { messageId, receivedAtMs, outcome } = ended;
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
        statusText: textOf(message.found.get("dmarc_status_text") as string),
        isRefused: outcome === "refused",
        header: ended.header(),
        sender: await policy.dmarc.forensicSender(acls.session),
        suffixFile: await policy.dmarc.suffixFile?.(),
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

/** Nobody reports a report (RFC 9991 §7), nor what else no person has sent. */
function isReport({ field }: Ended): boolean {
  const submitted = field("auto-submitted")?.trim().toLowerCase() ?? "no";
  return !/^no\b/.test(submitted) || /^\s*multipart\/report\b/i.test(field("content-type") ?? "");
}
