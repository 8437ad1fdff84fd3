import { setTimeout as delay } from "node:timers/promises";
import { contentSize, type MailEvent } from "@postbus/contracts";
import type { Spool } from "@postbus/spool";
import { QUEUES, type Queue } from "../bus.ts";
import type { Waiting, WaitingCounts, WaitingItem, WaitingState } from "../waiting.ts";
import type { Claims } from "./claims.ts";
import { Committer } from "./committer.ts";
import type { DoneLog } from "./done-log.ts";
import type { Holders } from "./holders.ts";
import { encodeItem, encodeItems } from "./item-codec.ts";
import { BUNDLE_ITEMS, copyName, deferredSubject, dueSubject, idToken, MOVED, queueOf, tail } from "./item-subject.ts";
import { type ItemWriter, type Placed, place, scheduleHeaders } from "./item-writer.ts";
import type { Link } from "./link.ts";
import { firstAfter, idOf, Listing } from "./listing.ts";
import type { ReadyIndex } from "./ready-index.ts";
import type { ServerApi } from "./server-api.ts";
import { isConflict } from "./server-error.ts";
import type { Names } from "./topology.ts";
import { type Entry, type Found, ReadyPlace, SubjectPlace, type WaitingPlace, type Wanted } from "./waiting-place.ts";

interface Parts {
  readonly link: Link;
  readonly api: ServerApi;
  readonly names: Names;
  readonly writer: ItemWriter;
  readonly spool: Spool;
  readonly holders: Holders;
  readonly claims: Claims;
  readonly done: DoneLog;
  readonly ready: Readonly<Record<Queue, ReadyIndex>>;
}

/** The queue for operators. Each command is one on a stream: an item has a message, or a part of one, to itself. */
export class NatsWaiting implements Waiting {
  readonly #parts: Parts;
  readonly #schedules: Committer;
  readonly #places: readonly WaitingPlace[];
  readonly #listing = new Listing();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#schedules = new Committer(parts.link, { batches: false });
    const { names, ready } = parts;
    const p = names.subject;
    this.#places = QUEUES.flatMap((queue): WaitingPlace[] => [
      new ReadyPlace(parts, names, queue, ready[queue]),
      new SubjectPlace(parts, "ready", names.deferred, `${p}mail.due.${queue}`, `due-${queue}`),
      new SubjectPlace(parts, "deferred", names.deferred, `${p}mail.deferred.${queue}`),
      new SubjectPlace(parts, "frozen", names.frozen, `${p}mail.frozen.${queue}`),
    ]);
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
      this.#ready("route"),
      this.#ready("deliver"),
      open(names.deferred, "due-route"),
      open(names.deferred, "due-deliver"),
      messages(names.deferred),
      messages(names.frozen),
    ]);
    // Asked for one after another while mail moves: never less than nothing.
    const deferred = Math.max(0, scheduled - dueRoute - dueDeliver);
    return { route: route + dueRoute, deliver: deliver + dueDeliver, deferred, frozen };
  }

  async messageCount(): Promise<number> {
    const messages = new Set<string>();
    const note = (itemTail: string): void => void messages.add(itemTail.slice(0, itemTail.indexOf(".")));
    const noteAll = async (place: WaitingPlace): Promise<void> => {
      for (const { tail } of await place.list()) note(tail);
    };
    const others = this.#places.filter((place) => !(place instanceof ReadyPlace));
    await Promise.all([...others.map(noteAll), ...QUEUES.map((queue) => this.#ready(queue, note))]);
    return messages.size;
  }

  async list(options: {
    readonly state?: WaitingState;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly WaitingItem[]> {
    const after = options.after === undefined ? undefined : idToken(options.after);
    const places = this.#places.filter(({ state }) => options.state === undefined || options.state === state);
    const all = await this.#listing.of(places, options.state, after !== undefined);
    const items: WaitingItem[] = [];
    // Some may have come to their end and lie there still, or be gone since they were listed: then the page is filled up.
    for (let at = firstAfter(all, after); at < all.length && items.length < options.limit; at += options.limit) {
      const page = all.slice(at, at + options.limit);
      const found = new Map<string, Found>();
      for (const hit of await readAll(page)) found.set(keyOf(hit.place, tail(hit.item.meta)), hit);
      for (const { place, tail } of page) {
        const hit = found.get(keyOf(place, tail));
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
    await writer.put(moved(place(names.subject, ready, headerOctets, content, msgId)));
    return api.deleteMessage(from.stream, stored.seq);
  }

  async freeze(itemId: string, reason: string): Promise<boolean> {
    const found = await this.#one(itemId);
    if (found === undefined || found.place.state === "frozen") return false;
    return this.#takeOut(found, async (isStopped) => {
      const { writer, api, names } = this.#parts;
      const { meta, headerOctets, content } = found.item;
      const msgId = `${idToken(meta.id)}-frozen-${found.stored.seq}`;
      const copy = await writer.put(place(names.subject, { ...meta, frozen: reason }, headerOctets, content, msgId));
      if (isStopped() && (await this.#takeFrom(found))) return true;
      // It became due, or was handled, in between: then there must not be a second one.
      await api.deleteMessage(names.frozen, copy);
      return false;
    });
  }

  async revise(itemId: string, header: object): Promise<boolean> {
    const found = await this.#one(itemId);
    if (found === undefined || found.place.state === "ready") return false;
    const { meta, content } = found.item;
    const octets = Buffer.from(JSON.stringify(header));
    if (found.place.state === "deferred") {
      return this.#reschedule(found, meta.notBeforeMs, encodeItem(meta, octets, content));
    }
    const { api, writer, names } = this.#parts;
    const msgId = `${idToken(meta.id)}-revised-${found.stored.seq}`;
    await writer.put(place(names.subject, meta, octets, content, msgId));
    return api.deleteMessage(found.place.stream, found.stored.seq);
  }

  async remove(itemId: string, events: readonly MailEvent[], eventsIfComplete: readonly MailEvent[]): Promise<boolean> {
    const found = await this.#one(itemId);
    if (found === undefined) return false;
    const { writer, spool, done } = this.#parts;
    const isRemoved = await this.#takeOut(found, async (isStopped) => isStopped() && this.#takeFrom(found));
    if (!isRemoved) return false;
    const { meta } = found.item;
    // A handler that makes it again must find that it has been.
    await done.write(meta.id);
    const isComplete = await writer.commit(meta, { events, eventsIfComplete }, { isRepeated: false });
    if (isComplete && meta.spooled !== undefined) await spool.remove(meta.spooled.id);
    return true;
  }

  /** In place of the schedule, if that is still the one that was read: otherwise the item has become due by itself. */
  async #reschedule(
    { item: { meta }, stored }: Found,
    atMs = Date.now(),
    payload: Uint8Array = stored.data,
  ): Promise<boolean> {
    const { names } = this.#parts;
    const name = { queue: queueOf(meta.subject), messageId: meta.messageId, id: meta.id };
    try {
      await this.#schedules.publish({
        subject: deferredSubject(names.subject, name),
        id: `${idToken(meta.id)}-now-${stored.seq}`,
        payload,
        headers: {
          ...scheduleHeaders(atMs, dueSubject(names.subject, name)),
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
  async #takeOut(found: Found, take: (isStopped: () => boolean) => Promise<boolean>): Promise<boolean> {
    const { consumer, stream } = found.place;
    if (consumer === undefined) return take(() => true);
    const { holders, claims } = this.#parts;
    const { seq } = found.stored;
    return holders.whileStopped(stream, consumer, async (isStopped) => {
      const isDoubtful = claims.isDoubtful(stream, seq);
      // Its holder may be on the way back to a server that has forgotten him.
      if (isDoubtful) await delay(Math.max(0, claims.graceLeftMs()));
      const where = (await holders.look(stream, consumer, { isSure: true }))(seq);
      // Given back, or its holder has died: whoever gets it next must have a claim, so ours keeps it from them.
      const needsClaim = where === "unknown" || (where === "waiting" && isDoubtful);
      if (needsClaim) return (await claims.claim(stream, seq)) ? take(isStopped) : false;
      return where === "waiting" ? take(isStopped) : false;
    });
  }

  /** @returns whether the item was there. */
  async #takeFrom({ place, stored, item, together }: Found): Promise<boolean> {
    const { api, done, ready } = this.#parts;
    const names = together.map(({ meta }, index) => [meta.id, copyName(place.stream, stored.seq, index)] as const);
    // Of a bundle that was given back, some may have ended.
    const ended = new Set(together.length === 1 ? [] : await done.endedOf(names.flat()));
    const rest = together.filter(
      (other, index) => other !== item && !(names[index] ?? []).some((name) => ended.has(name)),
    );
    if (rest.length === 0) {
      const isDeleted = await api.deleteMessage(place.stream, stored.seq);
      for (const index of Object.values(ready)) if (index.stream === place.stream) index.drop(stored.seq);
      return isDeleted;
    }
    try {
      // The rest takes the place of the whole, with one command.
      await this.#schedules.publish({
        subject: stored.subject,
        id: `${idToken(item.meta.id)}-out-of-${stored.seq}`,
        payload: encodeItems(rest),
        headers: {
          [BUNDLE_ITEMS]: rest.map(({ meta }) => tail(meta)).join(" "),
          [MOVED]: "1",
          "Nats-Rollup": "sub",
          "Nats-Expected-Last-Subject-Sequence": String(stored.seq),
        },
      });
      return true;
    } catch (err) {
      if (isConflict(err)) return false;
      throw err;
    }
  }

  /** Items of ready work that have not come to their end. @param note Is told their tails. */
  async #ready(queue: Queue, note?: (itemTail: string) => void): Promise<number> {
    const { api, names, ready, done } = this.#parts;
    const stream = names.work[queue];
    // In this order: what moves on meanwhile is counted twice rather than not at all.
    const { ack_floor: floor, delivered } = await api.call(`count ${queue}`, ({ consumers }) =>
      consumers.info(stream, queue),
    );
    const index = ready[queue];
    let waiting = 0;
    const given: (readonly [id: string, copy: string])[] = [];
    const tailsGiven: string[] = [];
    for (const [seq, tails] of await index.read()) {
      if (seq <= floor.stream_seq) continue;
      for (const [i, itemTail] of tails.entries()) {
        // Of two copies the later one counts; whoever gets the other drops it.
        if (index.seqOf(itemTail) !== seq) continue;
        if (seq > delivered.stream_seq) {
          waiting++;
          note?.(itemTail);
          continue;
        }
        given.push([idOf(itemTail), copyName(stream, seq, tails.length === 1 ? undefined : i)]);
        tailsGiven.push(itemTail);
      }
    }
    if (given.length === 0) return waiting;
    const ended = new Set(await done.endedOf(given.flat()));
    const open = tailsGiven.filter((_, i) => given[i]?.some((name) => ended.has(name)) !== true);
    if (note !== undefined) for (const itemTail of open) note(itemTail);
    return waiting + open.length;
  }

  async #one(itemId: string): Promise<Found | undefined> {
    const found = await this.#find({ id: idToken(itemId) });
    // Being frozen or deferred this very moment, it lies in two places; what it becomes is what counts.
    return found.find(({ place }) => place.state !== "ready") ?? found[0];
  }

  async #find(wanted: Wanted): Promise<Found[]> {
    const entries = await Promise.all(this.#places.map((place) => place.find(wanted)));
    return readAll(entries.flat());
  }
}

async function readAll(entries: readonly Entry[]): Promise<Found[]> {
  const byPlace = Map.groupBy(entries, ({ place }) => place);
  const found = await Promise.all([...byPlace].map(([place, of]) => place.read(of)));
  return found.flat();
}

/** It may have been handed out, and published what came of it, before it was taken away. */
const moved = (placed: Placed): Placed => ({
  ...placed,
  message: { ...placed.message, headers: { ...placed.message.headers, [MOVED]: "1" } },
});

const keyOf = ({ state, stream }: WaitingPlace, itemTail: string): string => `${state} ${stream} ${itemTail}`;

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
