import type { Content, MailEvent } from "@postbus/contracts";
import { contentSize } from "@postbus/contracts";
import type { Outcome, Publication } from "../bus.ts";
import type { WaitingState } from "../waiting.ts";
import type { Draft } from "./draft.ts";
import type { Change } from "./group-commit.ts";
import type { Items } from "./items.ts";
import { type Outgoing, outgoing } from "./stored-item.ts";
import { WorkEntry } from "./work-entry.ts";
import type { WorkQueue } from "./work-queue.ts";

/** What the changes work on. */
export interface WorkContext {
  readonly items: Items;
  readonly now: () => number;
  readonly queueOf: (item: Outgoing) => WorkQueue;
  /** An item was stored that becomes ready at that time. */
  readonly deferred: (notBeforeMs: number) => void;
  /** A message with spooled content is complete. */
  readonly dropSpooled: (id: string) => void;
}

/** A message's first item, from the edge. */
export class PublishChange implements Change {
  readonly mustSucceed = false;
  readonly isNew = true;
  readonly #context: WorkContext;
  readonly #item: Outgoing;
  readonly #events: readonly MailEvent[];
  readonly #settled: (err?: Error) => void;
  #state: WaitingState | undefined;

  constructor(context: WorkContext, item: Outgoing, events: readonly MailEvent[], settled: (err?: Error) => void) {
    this.#context = context;
    this.#item = item;
    this.#events = events;
    this.#settled = settled;
  }

  apply(draft: Draft): void {
    const { items, now } = this.#context;
    this.#state = items.putFromOutside(draft, this.#item, now());
    if (this.#state === undefined) return;
    for (const event of this.#events) draft.events.push(event);
  }

  committed(): void {
    if (this.#state !== undefined) handOn(this.#context, this.#item, this.#state);
    this.#settled();
  }

  failed(err: Error): void {
    this.#settled(err);
  }
}

/** The end of a work item and all that follows from it. */
export class OutcomeChange implements Change {
  readonly mustSucceed = true;
  readonly #context: WorkContext;
  readonly #queue: WorkQueue;
  readonly #entry: WorkEntry;
  readonly #outcome: Outcome;
  readonly #out: readonly Outgoing[];
  readonly #settled: (err?: Error) => void;
  #stored: { readonly item: Outgoing; readonly state: WaitingState }[] = [];
  #isComplete = false;

  /** @throws {TypeError} something in the outcome cannot be published. */
  constructor(
    context: WorkContext,
    queue: WorkQueue,
    entry: WorkEntry,
    outcome: Outcome,
    settled: (err?: Error) => void,
  ) {
    this.#context = context;
    this.#queue = queue;
    this.#entry = entry;
    this.#outcome = outcome;
    this.#out = (outcome.publish ?? []).map(outgoing);
    this.#settled = settled;
  }

  apply(draft: Draft): void {
    const { items, now } = this.#context;
    const { id, messageId, content } = this.#entry;
    const nowMs = now();
    this.#stored = [];
    items.take(draft, id, { state: "ready", queue: this.#queue.queue });
    const counted = items.counted(draft, messageId);
    // A message that is not counted has no item but this one: nothing can be there that is published now.
    const mayExist = counted !== undefined || this.#out.length > 1;
    let growth = -1;
    for (const item of this.#out) {
      const { publication } = item;
      let state: WaitingState | undefined;
      if (publication.messageId !== messageId) state = items.putFromOutside(draft, item, nowMs);
      else if (!mayExist || !items.exists(draft, publication.id)) {
        growth++;
        state = items.put(draft, item, nowMs);
      }
      if (state !== undefined) this.#stored.push({ item, state });
    }
    this.#isComplete = items.settle(draft, messageId, counted, growth, content?.kind ?? "inline");
    const { events = [], eventsIfComplete = [] } = this.#outcome;
    for (const event of events) draft.events.push(event);
    if (this.#isComplete) for (const event of eventsIfComplete) draft.events.push(event);
  }

  committed(): void {
    this.#settled();
    for (const { item, state } of this.#stored) handOn(this.#context, item, state);
    if (this.#isComplete) this.#outcome.whenComplete?.();
    const { content } = this.#entry;
    if (this.#isComplete && content?.kind === "spooled") this.#context.dropSpooled(content.id);
  }

  failed(err: Error): void {
    this.#settled(err);
  }
}

/** An item that no handler can end goes from ready to frozen: the bus's own decision, so the event is its own, too. */
export class FreezeChange implements Change {
  readonly mustSucceed = true;
  readonly #context: WorkContext;
  readonly #id: string;
  readonly #reason: string;
  readonly #settled: (err?: Error) => void;

  constructor(context: WorkContext, id: string, reason: string, settled: (err?: Error) => void) {
    this.#context = context;
    this.#id = id;
    this.#reason = reason;
    this.#settled = settled;
  }

  apply(draft: Draft): void {
    const { items, now } = this.#context;
    const found = items.find(draft, this.#id);
    if (found === undefined) return;
    items.take(draft, this.#id, found);
    items.putFrozen(draft, this.#id, found.item, this.#reason);
    draft.events.push({
      v: 1,
      id: `${this.#id}/frozen`,
      atMs: now(),
      service: "bus",
      name: "msg:frozen",
      messageId: found.item.m,
      reason: this.#reason,
    });
  }

  committed(): void {
    this.#settled();
  }

  failed(err: Error): void {
    this.#settled(err);
  }
}

/** From memory, by reference: what was just stored need not be read again. */
function handOn(context: WorkContext, item: Outgoing, state: WaitingState): void {
  const { publication, json } = item;
  if (state === "ready") context.queueOf(item).admit(entryOf(publication, json.length));
  if (state === "deferred") context.deferred(publication.notBeforeMs ?? 0);
}

function entryOf({ id, subject, messageId, header, content }: Publication, headerWeight: number): WorkEntry {
  return new WorkEntry(id, subject, messageId, header, content, headerWeight + weightOf(content));
}

const weightOf = (content: Content): number => (content.kind === "inline" ? contentSize(content) : 0);
