import type { DmarcChecked, DmarcRecord } from "@postbus/contracts";
import { derivedMessageId } from "@postbus/mail";

/** 2026-11-21T12:00:00Z */
export const NOON = 1_795_262_400_000;

export const record: DmarcRecord = {
  domain: "b.example",
  p: "reject",
  adkim: "r",
  aspf: "s",
  percent: 100,
  rua: ["mailto:rua@b.example!10m"],
  ruf: [],
};

/** A message that has failed its author's policy, unless it is said otherwise. */
export function checkedMessage(number: number, changes: Partial<DmarcChecked> = {}): DmarcChecked {
  const messageId = derivedMessageId(`checked ${number}`, NOON);
  return {
    v: 1,
    id: `${messageId}/dmarc`,
    atMs: NOON + number,
    service: "gateway",
    messageId,
    name: "dmarc:check",
    clientAddress: "192.0.2.1",
    helo: "client.example",
    returnDomain: "b.example",
    status: "reject",
    outcome: "refused",
    facts: {
      spf: { result: "fail", domain: "b.example" },
      dkim: [{ result: "fail", domain: "b.example", selector: "s1" }],
      dmarc: { result: "fail", domain: "b.example", policy: "reject" },
    },
    detail: { isSpfAligned: false, isDkimAligned: false, record },
    ...changes,
  };
}
