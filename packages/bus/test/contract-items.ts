import assert from "node:assert/strict";
import {
  type Completed,
  deliverySubject,
  firstItemId,
  type MailEvent,
  type Noted,
  nextItemId,
  routeSubject,
} from "@postbus/contracts";
import { MessageIdGenerator } from "@postbus/mail";
import type { Bus, Handler, Outcome, Publication, Queue, WorkItem } from "../src/index.ts";

const ids = new MessageIdGenerator();

/** A message id that no other test uses. */
export const newMessageId = (): string => ids.next();

/** The first item of a message, for router. */
export function routeItem(messageId: string, more: Partial<Publication> = {}): Publication {
  return {
    subject: routeSubject(),
    id: firstItemId(messageId),
    messageId,
    header: { v: 1, messageId, to: "ann@example.org" },
    content: { kind: "inline", octets: Buffer.from(`Subject: ${messageId}\r\n\r\nÿ\r\n`, "latin1") },
    ...more,
  };
}

/** What router makes of an item: `total` delivery items with the same content. */
export function deliverItems(work: WorkItem, total = 1): Publication[] {
  return Array.from({ length: total }, (_, index) => ({
    subject: deliverySubject("smtp", `${index}.example.org`),
    id: nextItemId(work.id, index, total),
    messageId: work.messageId,
    header: { v: 1, messageId: work.messageId, part: index },
    content: work.content,
  }));
}

/** A deferred item goes back to router. */
export function routeAgain(work: WorkItem, more: Partial<Publication> = {}): Publication {
  const { messageId, content } = work;
  return {
    subject: routeSubject(),
    id: nextItemId(work.id),
    messageId,
    header: { v: 1, messageId, again: true },
    content,
    ...more,
  };
}

let raised = 0;

/** Every call makes another event: drivers may drop one whose id they have seen. */
export function noted(messageId: string, text: string): Noted {
  return {
    v: 1,
    id: `${messageId}/${text}/${raised++}`,
    atMs: Date.now(),
    service: "test",
    name: "msg:note",
    messageId,
    text,
  };
}

export function completed(messageId: string): Completed {
  return { v: 1, id: `${messageId}/complete`, atMs: Date.now(), service: "test", name: "msg:complete", messageId };
}

/** Ends the item without consequences. */
export const finish: Handler = async ({ messageId }) => ({ eventsIfComplete: [completed(messageId)] });

export const done: Outcome = {};

/** No state of these tests takes longer on a busy machine. */
const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 10;

/** Waits for a state: looks again until the check passes, and fails with its last error when patience ends. */
export async function eventually(check: () => unknown): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      await check();
      return;
    } catch (err) {
      if (performance.now() > deadline) throw err;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** Collects what a handler gets; the items end at once. */
export async function collect(bus: Bus, queue: Queue, handler: Handler = finish): Promise<WorkItem[]> {
  const seen: WorkItem[] = [];
  await bus.consume(queue, { concurrency: 10 }, async (work) => {
    seen.push(work);
    return handler(work);
  });
  return seen;
}

/** Every event from now on, or from the beginning. */
export async function record(bus: Bus, after?: "end"): Promise<MailEvent[]> {
  const seen: MailEvent[] = [];
  await bus.events.follow(after === undefined ? {} : { after }, async ({ events }) => {
    seen.push(...events);
  });
  return seen;
}

/** Those of one message, as short words. */
export const textsOf = (events: readonly MailEvent[], messageId: string): string[] =>
  events
    .filter((event) => "messageId" in event && event.messageId === messageId)
    .map((event) => (event.name === "msg:note" ? event.text : event.name));

export async function nothingWaits(bus: Bus): Promise<void> {
  assert.deepEqual(await bus.waiting.counts(), { route: 0, deliver: 0, deferred: 0, frozen: 0 });
}

/** A promise and the functions that settle it, for handlers that a test holds back. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

export function octetsOf(work: WorkItem): string {
  assert.equal(work.content.kind, "inline");
  return work.content.kind === "inline" ? work.content.octets.toString("latin1") : "";
}
