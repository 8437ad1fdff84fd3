import type { WaitingItem } from "@postbus/bus";
import { readable } from "@postbus/history";
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";

/** Recipients that are shown of one item. */
const LISTED_RECIPIENTS = 10;

export const QueueItem = Type.Object({
  id: Type.String(),
  messageId: Type.String(),
  queue: Type.Union([Type.Literal("route"), Type.Literal("deliver")]),
  state: Type.Union([Type.Literal("ready"), Type.Literal("deferred"), Type.Literal("frozen")]),
  notBeforeMs: Type.Optional(Type.Integer({ description: "Milliseconds since the epoch" })),
  reason: Type.Optional(Type.String({ description: "Why it is frozen" })),
  size: Type.Integer({ description: "Octets of content" }),
  returnPath: Type.Optional(Type.String()),
  recipients: Type.Array(Type.String(), { description: `The first ${LISTED_RECIPIENTS}, or as many as are asked for` }),
  recipientCount: Type.Integer(),
  attempt: Type.Optional(Type.Integer({ description: "1: not tried before" })),
  receivedAtMs: Type.Optional(Type.Integer({ description: "Milliseconds since the epoch" })),
  lastError: Type.Optional(Type.String({ description: "Of the first recipient that has one" })),
  suspended: Type.Optional(
    Type.String({
      description: "The domain or host to which an operator lets nothing be delivered, if it waits for that",
    }),
  ),
});

/** What is shown of an item's header. Items of other versions may have more, or lack it all. */
const headerCheck = Compile(
  Type.Object({
    returnPath: Type.String(),
    recipients: Type.Array(
      Type.Object({
        address: Type.String(),
        lastError: Type.Optional(Type.String()),
        suspended: Type.Optional(Type.String()),
      }),
    ),
    attempt: Type.Integer(),
    receivedAtMs: Type.Integer(),
  }),
);

/** @param shown So many recipients. */
export function queueItem({ header, ...item }: WaitingItem, shown = LISTED_RECIPIENTS): Static<typeof QueueItem> {
  const seen: unknown = header;
  if (!headerCheck.Check(seen)) return { ...item, recipients: [], recipientCount: 0 };
  const { returnPath, recipients, attempt, receivedAtMs } = seen;
  const lastError = recipients.find((recipient) => recipient.lastError !== undefined)?.lastError;
  const suspended = recipients.find((recipient) => recipient.suspended !== undefined)?.suspended;
  return {
    ...item,
    returnPath: readable(returnPath),
    recipients: recipients.slice(0, shown).map((recipient) => readable(recipient.address)),
    recipientCount: recipients.length,
    attempt,
    receivedAtMs,
    ...(lastError === undefined ? {} : { lastError }),
    ...(suspended === undefined ? {} : { suspended }),
  };
}
