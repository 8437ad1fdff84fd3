import type { Publication } from "@postbus/bus";
import { firstItemId, type MailEvent, type RouteItem, routeSubject } from "@postbus/contracts";

export interface GeneratedMessage {
  readonly messageId: string;
  readonly octets: Buffer;
  readonly recipients: readonly string[];
  /** The message that it is about. */
  readonly about: string;
  readonly nowMs: number;
  /** RFC5322 Message-ID, without the angle brackets. */
  readonly headerMessageId: string;
}

/** A message of our own, from the null sender, on its way to router; and that it has come in. */
export function generatedMessage(message: GeneratedMessage): {
  readonly publication: Publication;
  readonly received: MailEvent;
} {
  const { messageId, octets, recipients, about, nowMs, headerMessageId } = message;
  const header: RouteItem = {
    v: 1,
    messageId,
    returnPath: "",
    recipients: recipients.map((address) => ({ address })),
    receivedAtMs: nowMs,
    queuedAtMs: nowMs,
    attempt: 1,
    ...(octets.some((octet) => octet > 0x7f) ? { eightBit: true } : {}),
    reception: { protocol: "local", about, headerMessageId, size: octets.length },
  };
  const { returnPath, reception } = header;
  return {
    publication: {
      subject: routeSubject(),
      id: firstItemId(messageId),
      messageId,
      header,
      content: { kind: "inline", octets },
    },
    received: {
      v: 1,
      id: `${messageId}:msg:received:0`,
      atMs: nowMs,
      service: "delivery",
      messageId,
      name: "msg:received",
      returnPath,
      recipients: [...recipients],
      reception,
    },
  };
}
