import type { DmarcChecked, Facts } from "@postbus/contracts";
import { domainOf } from "@postbus/mail";
import { dmarcStatus, type JudgedDmarc } from "../facts/dmarc-fact.ts";

export interface CheckedMessage {
  readonly messageId: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  readonly clientAddress: string;
  readonly helo: string;
  readonly returnPath: string;
  readonly outcome: DmarcChecked["outcome"];
  readonly facts: Facts;
  /** `$arc_state` */
  readonly arc: string;
  /** The policy sends aggregate reports. */
  readonly sendsAggregates: boolean;
}

/** For the history file and for aggregate reports. @returns undefined: no record is in force. */
export function dmarcCheckedEvent({ fact, detail }: JudgedDmarc, message: CheckedMessage): DmarcChecked | undefined {
  const status = dmarcStatus(fact);
  if (detail?.record === undefined) return undefined;
  if (status === "norecord" || status === "nofrom") return undefined;
  const { messageId, atMs, clientAddress, helo, returnPath, outcome, facts, arc, sendsAggregates } = message;
  return {
    v: 1,
    id: `${messageId}/dmarc`,
    atMs,
    service: "gateway",
    messageId,
    name: "dmarc:check",
    clientAddress,
    helo,
    returnDomain: domainOf(returnPath),
    status,
    outcome,
    facts,
    detail,
    ...(sendsAggregates && outcome !== "deferred" && status !== "temperror" && detail.record.rua.length > 0
      ? { isReported: true }
      : {}),
    ...(arc === "pass" || arc === "fail" || arc === "none" ? { arc } : {}),
  };
}
