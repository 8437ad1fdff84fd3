import type {
  Completed,
  Decided,
  Deferred,
  Delivered,
  DmarcChecked,
  Failed,
  Frozen,
  Noted,
  Received,
  Rejected,
} from "@postbus/contracts";
import { MessageIdGenerator } from "@postbus/mail";

/** 2026-11-21T00:00:00Z */
export const T0 = 1_795_219_200_000;

const generators = new Map<number, MessageIdGenerator>();

/** A message id of that moment. */
export function idAt(atMs: number): string {
  let generator = generators.get(atMs);
  if (generator === undefined) {
    generator = new MessageIdGenerator(() => atMs, 1n);
    generators.set(atMs, generator);
  }
  return generator.next();
}

const common = (messageId: string, name: string, atMs: number, mark: string) => ({
  v: 1 as const,
  id: `${messageId}/${name}/${mark}`,
  atMs,
  service: "test",
  messageId,
});

const attempt = (recipient: string) => ({
  recipient,
  returnPath: "sender@example.org",
  router: "smart_route",
  transport: "remote_smtp",
  host: "mx.example.net",
  hostAddress: "192.0.2.25",
});

export const received = (
  messageId: string,
  { atMs = T0, returnPath = "sender@example.org", recipients = ["rcpt@example.net"] } = {},
): Received => ({
  ...common(messageId, "received", atMs, ""),
  name: "msg:received",
  returnPath,
  recipients,
  reception: { protocol: "esmtp", clientAddress: "192.0.2.1", helo: "client.example.org", size: 4_321 },
});

export const delivered = (messageId: string, recipient = "rcpt@example.net", atMs = T0 + 1_000): Delivered => ({
  ...common(messageId, "delivery", atMs, recipient),
  ...attempt(recipient),
  name: "msg:delivery",
  confirmation: "250 2.0.0 Ok",
});

export const deferred = (messageId: string, recipient = "rcpt@example.net", atMs = T0 + 1_000): Deferred => ({
  ...common(messageId, "defer", atMs, `${recipient}/${atMs}`),
  ...attempt(recipient),
  name: "msg:defer",
  errno: 111,
  text: "Connection refused",
  nextTryAtMs: T0 + 900_000,
});

export const failed = (messageId: string, recipient = "rcpt@example.net", atMs = T0 + 1_000): Failed => ({
  ...common(messageId, "fail", atMs, recipient),
  ...attempt(recipient),
  name: "msg:fail:delivery",
  text: "550 no such user",
});

export const completed = (messageId: string, atMs = T0 + 2_000): Completed => ({
  ...common(messageId, "complete", atMs, ""),
  name: "msg:complete",
});

export const frozen = (messageId: string, atMs = T0 + 2_000): Frozen => ({
  ...common(messageId, "frozen", atMs, ""),
  name: "msg:frozen",
  reason: "delivery error message",
});

export const noted = (messageId: string, text: string, atMs = T0 + 3_000): Noted => ({
  ...common(messageId, "note", atMs, text),
  name: "msg:note",
  text,
});

export const rejected = (mark: string, atMs = T0): Rejected => ({
  v: 1,
  id: `reject/${mark}`,
  atMs,
  service: "test",
  name: "smtp:reject",
  clientAddress: "192.0.2.66",
  text: `rejected RCPT <${mark}@example.com>: relay not permitted`,
});

export const decided = (messageId: string, outcome: Decided["outcome"], atMs = T0): Decided => ({
  ...common(messageId, "decided", atMs, ""),
  name: "msg:decided",
  outcome,
  policyVersion: "0123456789abcdef",
  ...(outcome === "accepted"
    ? {}
    : { clientAddress: "192.0.2.66", returnPath: "nobody@example.com", recipients: ["rcpt@example.net"] }),
  stages: [
    {
      stage: "rcpt",
      about: "rcpt@example.net",
      verdict: outcome === "refused" ? "refuse" : "accept",
      tookUs: 120,
      steps: [{ acl: "check", verb: "accept", at: "p.conf:4", checks: [], outcome: "yes", decides: true }],
    },
  ],
});

/** Of a message of b.example. */
export function dmarcChecked(
  messageId: string,
  atMs: number,
  clientAddress: string,
  isReported: boolean,
): DmarcChecked {
  const domain = "b.example";
  const policy = { p: "reject", adkim: "r", aspf: "r", percent: 100, rua: ["mailto:a@b.example"], ruf: [] } as const;
  return {
    v: 1,
    id: `${messageId}/dmarc`,
    atMs,
    service: "gateway",
    messageId,
    name: "dmarc:check",
    clientAddress,
    helo: "h.example",
    returnDomain: domain,
    status: "reject",
    outcome: "refused",
    facts: { dmarc: { result: "fail", domain, policy: "reject" } },
    detail: {
      isSpfAligned: false,
      isDkimAligned: false,
      record: { domain, ...policy, rua: [...policy.rua], ruf: [] },
    },
    ...(isReported ? { isReported } : {}),
  };
}
