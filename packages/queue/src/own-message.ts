import type { Publication } from "@postbus/bus";
import { firstItemId, type MailEvent, type RouteItem, routeSubject } from "@postbus/contracts";

export interface OwnMessage {
  /** Derived from what it is about, so that it is the same when it is made again. */
  readonly messageId: string;
  readonly octets: Buffer;
  /** Absent: the null reverse-path. */
  readonly returnPath?: string;
  readonly recipients: readonly string[];
  /** `bounce_sender_authentication`, which is for all that Exim writes itself; absent: nobody is named. */
  readonly authenticatedSender?: string | undefined;
  /** The message that it is about; absent: it is about none. */
  readonly about?: string;
  readonly nowMs: number;
  /** RFC5322 Message-ID, without the angle brackets. */
  readonly headerMessageId: string;
  /** Which service makes it. */
  readonly service: string;
}

/** A message of our own on its way to router; and that it has come in. */
export function ownMessage(message: OwnMessage): { readonly publication: Publication; readonly received: MailEvent } {
  const { messageId, octets, recipients, about, nowMs, headerMessageId, service, returnPath = "" } = message;
  const { authenticatedSender } = message;
  const header: RouteItem = {
    v: 1,
    messageId,
    returnPath,
    recipients: recipients.map((address) => ({ address })),
    receivedAtMs: nowMs,
    queuedAtMs: nowMs,
    attempt: 1,
    ...(octets.some((octet) => octet > 0x7f) ? { eightBit: true } : {}),
    reception: {
      protocol: "local",
      ...(about === undefined ? {} : { about }),
      headerMessageId,
      ...(authenticatedSender === undefined ? {} : { authenticatedSender }),
      size: octets.length,
    },
  };
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
      service,
      messageId,
      name: "msg:received",
      returnPath,
      recipients: [...recipients],
      reception: header.reception,
    },
  };
}
