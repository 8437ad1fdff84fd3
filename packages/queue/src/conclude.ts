import type { Outcome, Publication, WorkItem } from "@postbus/bus";
import { type DeliveryItem, type MailEvent, type Recipient, type RouteItem, routeSubject } from "@postbus/contracts";
import { type AttemptView, deferredEvent, deliveredEvent, failedEvent } from "./attempt-event.ts";
import type { Attempted, ConcludeContext } from "./attempted.ts";
import { continuedItem } from "./continued-item.ts";
import { drawnOnce } from "./drawn-once.ts";
import { freezeNotice } from "./freeze-notice.ts";
import { nextRetry } from "./next-retry.ts";
import { partItemId } from "./part-item-id.ts";
import { DEFAULT_QUEUE_RULES } from "./queue-rules.ts";
import { reportMessages } from "./report-messages.ts";
import { errorsAddress, ownErrorsAddress, type Reported } from "./reported.ts";
import { successOf } from "./success.ts";
import { Warnings } from "./warnings.ts";

/** Recipients that carry on together, by their positions in the item. */
interface Group {
  readonly positions: number[];
  readonly recipients: Recipient[];
}

/**
 * What follows from an attempt: retries, bounces, events. The same for a failure to route and a failure to deliver.
 * Ids of everything derive from the item's, so that a second run makes the same.
 *
 * @param attempted Each of the item's recipients that this handling is responsible for, once. A caller that gave
 *   others on in items of its own (`partItemId`) adds those to the outcome's publications.
 */
export async function conclude(
  work: Pick<WorkItem, "id" | "content" | "handedOut">,
  item: RouteItem | DeliveryItem,
  attempted: readonly Attempted[],
  context: ConcludeContext,
): Promise<Outcome> {
  const events: MailEvent[] = [];
  const retries = new Map<number, Group>();
  const givenUp: Reported[] = [];
  const successes: Reported[] = [];
  let warnings: Warnings | undefined;
  const positions = positionsOf(item.recipients);
  const random = drawnOnce(context.random);
  let isFirstSeen = false;
  let others: Set<number> | undefined;
  /** Whether another recipient of the same transaction was delivered. */
  const isFurther = ({ transaction = 0 }: { readonly transaction?: number }): boolean => {
    if (transaction === 0) {
      if (isFirstSeen) return true;
      isFirstSeen = true;
      return false;
    }
    others ??= new Set();
    if (others.has(transaction)) return true;
    others.add(transaction);
    return false;
  };

  for (const one of attempted) {
    const { recipient, result } = one;
    const position = positions(recipient);
    const view: AttemptView = { workId: work.id, item, attempted: one, position, context };
    switch (result.outcome) {
      case "delivered":
        // Recipients of one SMTP transaction; local deliveries stand for themselves.
        events.push(deliveredEvent(view, result, result.host !== undefined && isFurther(result), work.handedOut > 1));
        if (recipient.notification !== undefined) successes.push(...successOf(item, one, position));
        break;
      case "deferred": {
        const { nowMs, rules = DEFAULT_QUEUE_RULES } = context;
        const steps = context.retryRule(recipient.address);
        const retry = nextRetry(recipient, result, { receivedAtMs: item.receivedAtMs, steps, rules, nowMs, random });
        events.push(deferredEvent(view, result, retry?.atMs ?? context.nowMs));
        if (retry === undefined) {
          givenUp.push({ attempted: one, position, text: `${result.text}: retry timeout exceeded`, timedOut: true });
        } else {
          const group = retries.getOrInsertComputed(retry.atMs, () => ({ positions: [], recipients: [] }));
          group.positions.push(position);
          warnings ??= new Warnings(item, context);
          group.recipients.push(warnings.noted(one, position, retry.recipient));
        }
        break;
      }
      case "failed":
        givenUp.push({ attempted: one, position, text: result.text, timedOut: false });
        break;
      default:
        unreachable(result);
    }
  }

  const eventsIfComplete = [completedEvent(item, context)];
  if (retries.size === 0 && givenUp.length === 0 && successes.length === 0) return { events, eventsIfComplete };

  const wanted = attempted.find(({ result }) => result.outcome === "deferred" && result.isFrozen === true);
  // What is frozen is the message, not one of its recipients.
  const publish =
    wanted === undefined
      ? [...retries].map(([notBeforeMs, group]) => carryOn(work, item, group, context, { notBeforeMs }))
      : [carryOn(work, item, together([...retries.values()]), context, { frozen: textOf(wanted) })];
  if (wanted !== undefined) {
    events.push(frozenEvent(work.id, item, context, ""));
    const notice = noticeOf(work.id, item, attempted, context);
    if (notice !== undefined) {
      publish.push(notice.publication);
      events.push(notice.received);
    }
  }
  for (const { attempted: one, position, text } of givenUp) {
    events.push(failedEvent({ workId: work.id, item, attempted: one, position, context }, text));
  }
  const isOver = isPastCare(item, context);
  const failures: Reported[] = [];
  const kept: Reported[] = [];
  for (const one of givenUp) {
    const address = errorsAddress(item, one.attempted);
    if (!wantsReport(one) || ownErrorsAddress(item, one.attempted) === "" || (address === "" && isOver)) {
      events.push(untoldEvent(work.id, item, one, context));
    } else {
      (address === "" ? kept : failures).push(one);
    }
  }
  if (kept.length > 0) {
    publish.push(carryOn(work, item, groupOf(kept, context.nowMs), context, { frozen: FROZEN_REASON }));
    events.push(frozenEvent(work.id, item, context, FROZEN_REASON));
  }
  for (const reports of [
    await reportMessages({ kind: "success" }, work, item, successes, context),
    await reportMessages({ kind: "failure" }, work, item, failures, context),
    await reportMessages({ kind: "delay", delay: warnings?.delay }, work, item, warnings?.late ?? [], context),
  ]) {
    publish.push(...reports.publish);
    events.push(...reports.events);
  }
  return { publish, events, eventsIfComplete };
}

/** RFC 3461 §4.1: who has said on what occasions he wants reports, and has not said FAILURE, gets no bounce. */
const wantsReport = ({ attempted }: Reported): boolean =>
  attempted.recipient.notification?.notify?.includes("FAILURE") ?? true;

/** Of what nobody can be told of, nobody looks at it any more, either: `ignore_bounce_errors_after`, or it was given up. */
const isPastCare = (
  { receivedAtMs, cancelled }: RouteItem | DeliveryItem,
  { nowMs, rules = DEFAULT_QUEUE_RULES }: ConcludeContext,
): boolean => cancelled !== undefined || nowMs - receivedAtMs >= rules.ignoreBounceErrorsAfterMs;

const textOf = ({ result }: Attempted): string => (result.outcome === "delivered" ? "" : result.text);

function together(groups: readonly Group[]): Group {
  const all = groups.flatMap(({ positions, recipients }) =>
    recipients.map((recipient, i) => ({ recipient, position: positions[i] ?? 0 })),
  );
  all.sort((a, b) => a.position - b.position);
  return { positions: all.map(({ position }) => position), recipients: all.map(({ recipient }) => recipient) };
}

function untoldEvent(
  workId: string,
  { messageId }: RouteItem | DeliveryItem,
  reported: Reported,
  { nowMs: atMs, service }: ConcludeContext,
): MailEvent {
  const { address, origin } = reported.attempted.recipient;
  const top = origin?.parents.at(-1);
  const name = top === undefined || top === address ? address : `${address} <${top}>`;
  const why = wantsReport(reported) ? "" : ": RFC 3461 DSN, failure notify not requested";
  const id = `${workId}:msg:note:untold${reported.position}`;
  return { v: 1, id, atMs, service, messageId, name: "msg:note", text: `${name}: error ignored${why}` };
}

/** Nobody can be told (RFC 5321 §6.1: no report about a report). Exim keeps such a message for an operator. */
const FROZEN_REASON = "delivery error message";

function carryOn(
  work: Pick<WorkItem, "id" | "content">,
  item: RouteItem | DeliveryItem,
  { positions, recipients }: Group,
  { nowMs }: ConcludeContext,
  when: { readonly notBeforeMs: number } | { readonly frozen: string },
): Publication {
  return {
    subject: routeSubject(),
    id: partItemId(work.id, positions, item.recipients.length),
    messageId: item.messageId,
    header:
      "frozen" in when
        ? { ...continuedItem(item, recipients, nowMs), frozenAtMs: nowMs }
        : continuedItem(item, recipients, nowMs),
    content: work.content,
    ...when,
  };
}

/** What failed for good, should an operator thaw it: it starts a new retry schedule. */
function groupOf(givenUp: readonly Reported[], nowMs: number): Group {
  return {
    positions: givenUp.map(({ position }) => position),
    recipients: givenUp.map(({ attempted: { recipient }, text }) => ({
      address: recipient.address,
      ...(recipient.notification === undefined ? {} : { notification: recipient.notification }),
      ...(recipient.origin === undefined ? {} : { origin: recipient.origin }),
      lastTriedAtMs: nowMs,
      lastError: text,
    })),
  };
}

function frozenEvent(
  workId: string,
  { messageId }: RouteItem | DeliveryItem,
  { nowMs: atMs, service }: ConcludeContext,
  reason: string,
): MailEvent {
  return { v: 1, id: `${workId}:msg:frozen:0`, atMs, service, messageId, name: "msg:frozen", reason };
}

/** `freeze_tell` */
function noticeOf(
  workId: string,
  item: RouteItem | DeliveryItem,
  attempted: readonly Attempted[],
  { service, nowMs, primaryHostname, qualifyDomain = primaryHostname, rules, reports }: ConcludeContext,
) {
  const waiting = attempted.flatMap(({ recipient: { address }, result }) =>
    result.outcome === "deferred" ? [{ address, text: result.text }] : [],
  );
  const { freezeTell: to } = rules ?? DEFAULT_QUEUE_RULES;
  const frozen = { workId, item, to, subject: "Message frozen", reason: "", waiting };
  const authenticatedSender = reports?.authenticatedSender;
  return freezeNotice(frozen, { service, nowMs, primaryHostname, qualifyDomain, authenticatedSender });
}

/** Named after the message, not after the item: whichever of its items ends last, it is complete once. */
function completedEvent(item: RouteItem | DeliveryItem, context: ConcludeContext): MailEvent {
  const { nowMs: atMs, service, logged } = context;
  const { messageId, receivedAtMs } = item;
  const id = `${messageId}:msg:complete:0`;
  const event = { v: 1, id, atMs, service, messageId, name: "msg:complete" } as const;
  return logged?.has("queue_time_overall") === true ? { ...event, queuedMs: Math.max(0, atMs - receivedAtMs) } : event;
}

/** Position of each recipient in the item; found by identity, since an address may be there twice. */
function positionsOf(recipients: readonly Recipient[]): (recipient: Recipient) => number {
  if (recipients.length === 1) return () => 0;
  const positions = new Map(recipients.map((recipient, i) => [recipient, i]));
  return (recipient) => {
    const position = positions.get(recipient);
    if (position === undefined) throw new Error(`not a recipient of the item: ${recipient.address}`);
    return position;
  };
}

/** The compiler refuses the call when a new outcome has no case above. */
function unreachable(value: never): never {
  throw new Error(`unhandled outcome: ${JSON.stringify(value)}`);
}
