import { contentSize, type MailEvent } from "@postbus/contracts";
import type { Spool } from "@postbus/spool";
import type { Queue } from "../bus.ts";
import type { Waiting, WaitingCounts, WaitingItem, WaitingState } from "../waiting.ts";
import type { Claims } from "./claims.ts";
import { Committer } from "./committer.ts";
import type { Holders } from "./holders.ts";
import { type DecodedItem, decodeItem } from "./item-codec.ts";
import { deferredSubject, dueSubject, idToken, queueOf } from "./item-subject.ts";
import { type ItemWriter, place, scheduleHeaders } from "./item-writer.ts";
import type { Link } from "./link.ts";
import type { ServerApi, Stored } from "./server-api.ts";
import { isConflict } from "./server-error.ts";
import type { Names } from "./topology.ts";

const QUEUES: readonly Queue[] = ["route", "deliver"];
/** Tokens between the queue and the message in the subjects of work: `mail.deliver.<shard>.<class>.<domain>.…` has three. */
const MAX_TOKENS_BETWEEN = 4;

/** An item where it lies. */
interface Found {
  readonly place: SearchPlace;
  readonly stored: Stored;
  readonly item: DecodedItem;
}

/** Which part of a subject is asked for. */
interface Wanted {
  readonly message?: string;
  readonly id?: string;
}

interface Parts {
  readonly link: Link;
  readonly api: ServerApi;
  readonly names: Names;
  readonly writer: ItemWriter;
  readonly spool: Spool;
  readonly holders: Holders;
  readonly claims: Claims;
}

/** The queue for operators: every item has a subject of its own, so that each command is one on the stream. */
export class NatsWaiting implements Waiting {
  readonly #parts: Parts;
  readonly #schedules: Committer;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#schedules = new Committer(parts.link, { batches: false });
  }

  async counts(): Promise<WaitingCounts> {
    const { api, names } = this.#parts;
    const messages = async (stream: string): Promise<number> =>
      (await api.call(`count ${stream}`, ({ streams }) => streams.info(stream))).state.messages;
    const open = async (stream: string, consumer: string): Promise<number> => {
      const info = await api.call(`count ${consumer}`, ({ consumers }) => consumers.info(stream, consumer));
      return info.num_pending + info.num_ack_pending;
    };
    const [route, deliver, dueRoute, dueDeliver, scheduled, frozen] = await Promise.all([
      open(names.work.route, "route"),
      open(names.work.deliver, "deliver"),
      open(names.deferred, "due-route"),
      open(names.deferred, "due-deliver"),
      messages(names.deferred),
      messages(names.frozen),
    ]);
    // Asked for one after another while mail moves: never less than nothing.
    const deferred = Math.max(0, scheduled - dueRoute - dueDeliver);
    return { route: route + dueRoute, deliver: deliver + dueDeliver, deferred, frozen };
  }

  async list(options: {
    readonly state?: WaitingState;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly WaitingItem[]> {
    const after = options.after === undefined ? undefined : idToken(options.after);
    const all: { readonly id: string; readonly subject: string; readonly place: SearchPlace }[] = [];
    for (const place of this.#places(options.state)) {
      for (const subject of await this.#parts.api.subjects(place.stream, place.all)) {
        const id = subject.slice(subject.lastIndexOf(".") + 1);
        if (after === undefined || id > after) all.push({ id, subject, place });
      }
    }
    all.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
    const items: WaitingItem[] = [];
    // Some may have come to their end and lie there still, or be gone since they were listed: then the page is filled up.
    for (let at = 0; at < all.length && items.length < options.limit; at += options.limit) {
      const page = all.slice(at, at + options.limit);
      const found = new Map<string, Found>();
      for (const [place, entries] of Map.groupBy(page, (entry) => entry.place)) {
        const subjects = entries.map((entry) => entry.subject);
        for (const hit of await this.#read(place, subjects)) found.set(hit.stored.subject, hit);
      }
      for (const { subject } of page) {
        const hit = found.get(subject);
        if (hit !== undefined && items.length < options.limit) items.push(waitingItem(hit));
      }
    }
    return items;
  }

  async ofMessage(messageId: string): Promise<readonly WaitingItem[]> {
    const found = await this.#find({ message: idToken(messageId) });
    return found.map(waitingItem).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  async takeNow(itemId: string): Promise<boolean> {
    const found = await this.#one(itemId);
    if (found === undefined || found.place.state === "ready") return false;
    const { api, writer, names } = this.#parts;
    const { item, stored, place: from } = found;
    const { meta, headerOctets, content } = item;
    if (found.place.state === "deferred") return this.#reschedule(found);
    const { notBeforeMs: _due, frozen: _why, ...ready } = meta;
    const msgId = `${idToken(meta.id)}-thawed-${stored.seq}`;
    await writer.put(place(names.subject, ready, headerOctets, content, msgId));
    return api.deleteMessage(from.stream, stored.seq);
  }

  async freeze(itemId: string, reason: string): Promise<boolean> {
    const found = await this.#one(itemId);
    if (found === undefined || found.place.state === "frozen") return false;
    return this.#takeOut(found, async () => {
      const { writer, api, names } = this.#parts;
      const { meta, headerOctets, content } = found.item;
      const msgId = `${idToken(meta.id)}-frozen-${found.stored.seq}`;
      const copy = await writer.put(place(names.subject, { ...meta, frozen: reason }, headerOctets, content, msgId));
      if (await api.deleteMessage(found.place.stream, found.stored.seq)) return true;
      // It became due, or was handled, in between: then there must not be a second one.
      await api.deleteMessage(names.frozen, copy);
      return false;
    });
  }

  async remove(itemId: string, events: readonly MailEvent[], eventsIfComplete: readonly MailEvent[]): Promise<boolean> {
    const found = await this.#one(itemId);
    if (found === undefined) return false;
    const { api, writer, spool } = this.#parts;
    const removed = await this.#takeOut(found, () => api.deleteMessage(found.place.stream, found.stored.seq));
    if (!removed) return false;
    const { meta } = found.item;
    const isComplete = await writer.commit(meta, { events, eventsIfComplete });
    if (isComplete && meta.spooled !== undefined) await spool.remove(meta.spooled.id);
    return true;
  }

  /** In place of the schedule, if that is still the one that was read: otherwise the item has become due by itself. */
  async #reschedule({ item: { meta }, stored }: Found): Promise<boolean> {
    const { names } = this.#parts;
    const name = { queue: queueOf(meta.subject), messageId: meta.messageId, id: meta.id };
    try {
      await this.#schedules.publish({
        subject: deferredSubject(names.subject, name),
        id: `${idToken(meta.id)}-now-${stored.seq}`,
        payload: stored.data,
        headers: {
          ...scheduleHeaders(Date.now(), dueSubject(names.subject, name)),
          "Nats-Expected-Last-Subject-Sequence": String(stored.seq),
        },
      });
      return true;
    } catch (err) {
      if (isConflict(err)) return false;
      throw err;
    }
  }

  /** What is ready may be handed out at any moment: its consumer stands still while it is looked at and moved. */
  async #takeOut(found: Found, take: () => Promise<boolean>): Promise<boolean> {
    const { consumer, stream } = found.place;
    if (consumer === undefined) return take();
    const { holders, claims } = this.#parts;
    const { seq } = found.stored;
    return holders.whileStopped(stream, consumer, async () => {
      const where = (await holders.look(stream, consumer))(seq);
      // Given back, or its holder has died: whoever gets it next must have a claim, so ours keeps it from them.
      if (where === "unknown" && (await claims.claim(stream, seq))) return take();
      return where === "waiting" ? take() : false;
    });
  }

  #places(state: WaitingState | undefined): SearchPlace[] {
    const { names } = this.#parts;
    const places: SearchPlace[] = [];
    const p = names.subject;
    if (state === undefined || state === "ready") {
      for (const queue of QUEUES) {
        places.push(new SearchPlace("ready", names.work[queue], `${p}mail.${queue}`, MAX_TOKENS_BETWEEN, queue));
        places.push(new SearchPlace("ready", names.deferred, `${p}mail.due.${queue}`, 0, `due-${queue}`));
      }
    }
    for (const [of, stream] of [
      ["deferred", names.deferred],
      ["frozen", names.frozen],
    ] as const) {
      if (state !== undefined && state !== of) continue;
      for (const queue of QUEUES) places.push(new SearchPlace(of, stream, `${p}mail.${of}.${queue}`, 0));
    }
    return places;
  }

  async #one(itemId: string): Promise<Found | undefined> {
    const found = await this.#find({ id: idToken(itemId) });
    // Being frozen or deferred this very moment, it lies in two places; what it becomes is what counts.
    return found.find(({ place }) => place.state !== "ready") ?? found[0];
  }

  async #find(wanted: Wanted): Promise<Found[]> {
    const found = await Promise.all(this.#places(undefined).map((place) => this.#read(place, place.filters(wanted))));
    return found.flat();
  }

  async #read(place: SearchPlace, subjects: readonly string[]): Promise<Found[]> {
    if (subjects.length === 0) return [];
    const { api, holders } = this.#parts;
    const stored = await api.lastOfMany(place.stream, subjects);
    if (stored.length === 0) return [];
    const where = place.consumer === undefined ? undefined : await holders.look(place.stream, place.consumer);
    return stored.flatMap((message) => {
      if (where?.(message.seq) === "ended") return [];
      const item = decodeItem(message.data);
      return item === undefined ? [] : [{ place, stored: message, item }];
    });
  }
}

/** Subjects below which items of one state and queue lie. */
class SearchPlace {
  readonly state: WaitingState;
  readonly stream: string;
  /** Who hands out what lies here. */
  readonly consumer: string | undefined;
  readonly #root: string;
  readonly #maxBetween: number;

  constructor(state: WaitingState, stream: string, root: string, maxBetween: number, consumer?: string) {
    this.state = state;
    this.stream = stream;
    this.consumer = consumer;
    this.#root = root;
    this.#maxBetween = maxBetween;
  }

  get all(): string {
    return `${this.#root}.>`;
  }

  filters({ message = "*", id = "*" }: Wanted): string[] {
    return Array.from({ length: this.#maxBetween + 1 }, (_, n) =>
      [this.#root, ...Array(n).fill("*"), message, id].join("."),
    );
  }
}

function waitingItem({ place: { state }, item }: Found): WaitingItem {
  const { meta, header, content } = item;
  return {
    id: meta.id,
    messageId: meta.messageId,
    queue: queueOf(meta.subject),
    state,
    ...(state === "deferred" && meta.notBeforeMs !== undefined && { notBeforeMs: meta.notBeforeMs }),
    ...(state === "frozen" && meta.frozen !== undefined && { reason: meta.frozen }),
    header,
    size: contentSize(content),
  };
}
