import type { Publication, WorkItem } from "@postbus/bus";
import {
  type Content,
  type DeliveryItem,
  firstItemId,
  INLINE_LIMIT_OCTETS,
  type MailEvent,
  type RouteItem,
  routeSubject,
} from "@postbus/contracts";
import { type BounceRecipient, composeBounce, HEADER_SECTION_MAX_OCTETS, type Original } from "@postbus/dsn";
import { derivedMessageId } from "@postbus/mail";
import type { ConcludeContext, GivenUp } from "./attempted.ts";
import { partSuffix } from "./part-item-id.ts";

/** Failed recipients in one bounce; keeps its size bounded, whoever chose the texts in it. Exim's lists have the same bound. */
const MAX_RECIPIENTS = 50;

/** What is published because recipients were given up. */
interface Bounces {
  readonly publish: readonly Publication[];
  readonly events: readonly MailEvent[];
}

/**
 * The bounce to the return path that lists everybody who was given up in this outcome: a new message with a null
 * return path. Above `MAX_RECIPIENTS` there are several.
 */
export async function bounceMessages(
  work: Pick<WorkItem, "id" | "content">,
  item: RouteItem | DeliveryItem,
  givenUp: readonly GivenUp[],
  context: ConcludeContext,
): Promise<Bounces> {
  const publish: Publication[] = [];
  const events: MailEvent[] = [];
  const { original: whole, problem } = await readOriginal(work.content, context);
  // RFC 8689 §5: only the header section of what was to be protected, whatever RET has said.
  const original = item.requireTls === true ? { ...whole, isWhole: false } : whole;
  if (problem !== undefined) {
    const { nowMs: atMs, service } = context;
    const id = `${work.id}:msg:note:bounce`;
    events.push({ v: 1, id, atMs, service, messageId: item.messageId, name: "msg:note", text: problem });
  }
  for (let at = 0; at < givenUp.length; at += MAX_RECIPIENTS) {
    const some = givenUp.slice(at, at + MAX_RECIPIENTS);
    const bounce = await bounceMessage(work.id, item, some, original, context);
    publish.push(bounce.publication);
    events.push(bounce.received);
  }
  return { publish, events };
}

async function bounceMessage(
  workId: string,
  item: RouteItem | DeliveryItem,
  givenUp: readonly GivenUp[],
  original: Original,
  context: ConcludeContext,
): Promise<{ readonly publication: Publication; readonly received: MailEvent }> {
  const { nowMs, primaryHostname } = context;
  const positions = givenUp.map(({ position }) => position);
  const messageId = derivedMessageId(
    `${workId}/bounce${partSuffix(positions, item.recipients.length)}`,
    item.queuedAtMs,
  );
  const { octets, eightBit } = await composeBounce({
    id: messageId,
    nowMs,
    primaryHostname,
    qualifyDomain: context.qualifyDomain ?? primaryHostname,
    to: item.returnPath,
    queueId: item.messageId,
    receivedAtMs: item.receivedAtMs,
    ...(item.reception.headerMessageId === undefined ? {} : { about: item.reception.headerMessageId }),
    recipients: givenUp.map((one) => bounceRecipient(item, one)),
    original,
    maxOctets: INLINE_LIMIT_OCTETS,
  });
  const header: RouteItem = {
    v: 1,
    messageId,
    returnPath: "",
    recipients: [{ address: item.returnPath }],
    receivedAtMs: nowMs,
    queuedAtMs: nowMs,
    attempt: 1,
    ...(eightBit ? { eightBit } : {}),
    ...(item.requireTls === true ? { requireTls: true } : {}),
    reception: {
      protocol: "local",
      about: item.messageId,
      headerMessageId: `E${messageId}@${primaryHostname}`,
      size: octets.length,
    },
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
      service: context.service,
      messageId,
      name: "msg:received",
      returnPath,
      recipients: [item.returnPath],
      reception,
    },
  };
}

/**
 * What the sender is told of one recipient. Words of another host, and the router's, are passed on; those of a
 * transport that spoke to no host are not: they may name files of ours (Exim does the same).
 */
function bounceRecipient(item: RouteItem | DeliveryItem, { attempted, text, timedOut }: GivenUp): BounceRecipient {
  const { recipient, result } = attempted;
  const hasTransport = attempted.transport !== undefined || "transport" in item;
  const isForSender = result.host !== undefined || !hasTransport;
  return {
    address: recipient.address,
    text: isForSender ? text : timedOut ? "retry timeout exceeded" : "delivery failed",
    timedOut,
    ...(result.outcome !== "failed" || result.ownReply === undefined ? {} : { ownReply: result.ownReply }),
    ...(result.host === undefined ? {} : { host: result.host }),
    ...(result.hostAddress === undefined ? {} : { hostAddress: result.hostAddress }),
    ...(result.hostPort === undefined ? {} : { hostPort: result.hostPort }),
  };
}

/**
 * As much of the message as a bounce can quote. That it cannot be read must not keep the sender from being told:
 * the bounce is made without it, and the log says why.
 */
async function readOriginal(
  content: Content,
  { readSpooled }: ConcludeContext,
): Promise<{ readonly original: Original; readonly problem?: string }> {
  if (content.kind === "inline") return { original: { octets: content.octets, isWhole: true } };
  const parts: Buffer[] = [];
  let length = 0;
  try {
    if (readSpooled !== undefined) {
      for await (const part of readSpooled(content)) {
        parts.push(part);
        length += part.length;
        if (length >= HEADER_SECTION_MAX_OCTETS) break;
      }
    }
  } catch (err) {
    const text = err instanceof Error ? err.message : String(err);
    const problem = `the message could not be read for its bounce: ${text}`;
    return { original: { octets: Buffer.alloc(0), isWhole: false }, problem };
  }
  return { original: { octets: Buffer.concat(parts), isWhole: false } };
}
