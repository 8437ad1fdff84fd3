// One file because it is one state machine: an item goes from waiting to acknowledged, and back from each state.
import type { Msg } from "@nats-io/nats-core";
import type { Spool } from "@postbus/spool";
import {
  type ConsumeOptions,
  type Handler,
  MAX_HANDLER_FAILURES,
  type Outcome,
  type Queue,
  type Subscription,
} from "../bus.ts";
import { BusFullError, BusUnavailableError } from "../bus-error.ts";
import type { Claims } from "./claims.ts";
import type { DoneLog } from "./done-log.ts";
import { HeldItem } from "./held-item.ts";
import { type DecodedItem, decodeItem } from "./item-codec.ts";
import { idToken } from "./item-subject.ts";
import { type ItemWriter, place } from "./item-writer.ts";
import { elapsedMs, type Instant, instant, type LeaseTimes } from "./lease.ts";
import type { Link } from "./link.ts";
import { deliveryOf, PullSource } from "./pull-source.ts";
import { Purger } from "./purger.ts";
import { RecentIds } from "./recent-ids.ts";
import type { ServerApi } from "./server-api.ts";
import type { Names } from "./topology.ts";

const ACK = Buffer.from("+ACK");
const NAK = Buffer.from("-NAK");
const NANOSECONDS = 1_000_000;

/** Between two tries to commit while the bus is away or full. */
const COMMIT_PAUSE_MS = 1_000;
/** How long the end of an item waits for the connection; then the item is handed out again. */
const RECONNECT_MS = 600_000;
/** Handling that takes less takes no time, compared with asking the server for an item. */
const SHORT_MS = 50;
/** An item that has waited here for so long goes back: it was thought that it would be handled at once. */
const WAITED_MS = 2_000;
/** Ids of items that ended here, kept against their second coming: a server that was killed forgets ids of removed items. */
const RECENT_MAX = 20_000;

export interface WorkConsumerParts {
  readonly link: Link;
  readonly api: ServerApi;
  readonly claims: Claims;
  readonly done: DoneLog;
  readonly writer: ItemWriter;
  readonly names: Names;
  readonly spool: Spool;
  readonly times: LeaseTimes;
  /** Pause before an item goes to a handler again that has thrown; doubled each time. */
  readonly failurePauseMs: number;
}

/**
 * Hands the items of one queue to a handler: those published for now, and those that were deferred and have become due.
 *
 * One state machine, and therefore one file: waiting here → (claimed, if it may have been handed out before) → in the
 * handler's hands → committed → recorded as done → acknowledged; from each of them, back to the server or lost to another.
 */
export class WorkConsumer implements Subscription {
  readonly #parts: WorkConsumerParts;
  readonly #queue: Queue;
  readonly #options: ConsumeOptions;
  readonly #handler: Handler;
  readonly #sources: readonly PullSource[];
  /** By stream and sequence. */
  readonly #held = new Map<string, HeldItem>();
  readonly #ready: HeldItem[] = [];
  readonly #recent = new RecentIds(RECENT_MAX);
  readonly #purger: Purger;
  readonly #timer: NodeJS.Timeout;
  readonly #forget: () => void;
  #running = 0;
  /** How long handling takes, a moving average. */
  #handlingMs = Number.POSITIVE_INFINITY;
  #verified: Promise<void> = Promise.resolve();
  #tickedAt = instant();
  #isDistrustful = false;
  #isStopping = false;
  #onIdle: (() => void) | undefined;

  constructor(parts: WorkConsumerParts, queue: Queue, options: ConsumeOptions, handler: Handler) {
    this.#parts = parts;
    this.#queue = queue;
    this.#options = options;
    this.#handler = handler;
    const { link, names } = parts;
    this.#forget = link.onReconnect((disconnectedAt) => this.#reconnected(disconnectedAt));
    const source = (stream: string, consumer: string) =>
      new PullSource(link, {
        stream,
        consumer,
        capacity: options.concurrency,
        room: () => this.#room(),
        onMessage: (msg) => this.#take(stream, msg),
      });
    this.#sources = [source(names.work[queue], queue), source(names.deferred, `due-${queue}`)];
    this.#purger = new Purger(link, parts.api, names.work[queue], queue);
    this.#timer = setInterval(() => this.#tick(), parts.times.tickMs).unref();
    for (const pull of this.#sources) pull.wake();
  }

  /** Items of a stream that are in this process's hands. */
  heldOf(stream: string): HeldItem[] {
    return [...this.#held.values()].filter((held) => held.stream === stream);
  }

  async drain(): Promise<void> {
    if (!this.#isStopping) {
      this.#isStopping = true;
      await Promise.all(this.#sources.map((source) => source.stop()));
      await Promise.all(this.#ready.splice(0).map((held) => this.#giveBack(held)));
    }
    if (this.#held.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onIdle = resolve;
      await promise;
    }
    clearInterval(this.#timer);
    this.#purger.stop();
    this.#forget();
  }

  /** Without grace: the handlers are told, nothing is waited for. */
  abort(): void {
    this.#isStopping = true;
    clearInterval(this.#timer);
    this.#purger.stop();
    this.#forget();
    for (const held of this.#held.values()) held.lose("the bus is closed");
  }

  #take(stream: string, msg: Msg): void {
    const reply = msg.reply ?? "";
    const { seq, count } = deliveryOf(reply);
    const key = `${stream} ${seq}`;
    // What lies in the socket after a standstill was sent to us long ago: it is not looked at, and will come again.
    if (this.#isDistrustful || elapsedMs(this.#tickedAt) > this.#parts.times.standstillMs) {
      this.#distrust();
      return;
    }
    const known = this.#held.get(key);
    if (known !== undefined) {
      // The server has forgotten that we have it, and has given it to us again.
      known.reply = reply;
      known.handedOut = Math.max(known.handedOut, count);
      known.regain();
      return;
    }
    const held = new HeldItem(this.#parts.link, this.#parts.times, {
      stream,
      seq,
      handedOut: count,
      reply,
      data: msg.data,
    });
    this.#held.set(key, held);
    this.#ready.push(held);
    this.#next();
  }

  /**
   * Where handling takes no time, as many wait here as are handled, so that a handler need not wait for the next. Where
   * it takes long, an item that waits here would be kept from a process that is idle.
   */
  #room(): number {
    if (this.#isStopping) return 0;
    const { concurrency } = this.#options;
    return (this.#handlingMs < SHORT_MS ? 2 : 1) * concurrency - this.#held.size;
  }

  #next(): void {
    while (!this.#isStopping && this.#running < this.#options.concurrency) {
      const held = this.#ready.shift();
      if (held === undefined) return;
      this.#running++;
      let isRunning = true;
      const release = () => {
        if (!isRunning) return;
        isRunning = false;
        this.#running--;
        this.#next();
      };
      this.#work(held, release)
        .catch((err: unknown) => this.#parts.link.onProblem(`item ${held.stream} ${held.seq}`, err))
        .finally(() => {
          release();
          this.#letGo(held);
        });
    }
  }

  #letGo(held: HeldItem): void {
    this.#held.delete(`${held.stream} ${held.seq}`);
    if (this.#held.size === 0) this.#onIdle?.();
    for (const source of this.#sources) source.wake();
  }

  /** @param release Called when the handler is done with it: the next may go to it while this one is committed. */
  async #work(held: HeldItem, release: () => void): Promise<void> {
    const item = decodeItem(held.data);
    if (item === undefined || this.#recent.has(item.meta.id)) return this.#acknowledge(held);
    if (!(await this.#mayHandle(held, item))) return;
    let outcome: Outcome;
    const startedAtMs = performance.now();
    try {
      outcome = await this.#handler(held.workItem(item));
    } catch (err) {
      release();
      return this.#failed(held, item, err);
    }
    const tookMs = performance.now() - startedAtMs;
    this.#handlingMs = this.#handlingMs === Number.POSITIVE_INFINITY ? tookMs : this.#handlingMs * 0.9 + tookMs * 0.1;
    release();
    await this.#finish(held, item, outcome);
  }

  async #mayHandle(held: HeldItem, item: DecodedItem): Promise<boolean> {
    const { claims } = this.#parts;
    await this.#verified;
    const isDoubtful = claims.isDoubtful(held.stream, held.seq);
    if (held.handedOut === 1 && !isDoubtful) return held.isHeld() || this.#own(held);
    if (isDoubtful) {
      for (let leftMs = claims.graceLeftMs(); leftMs > 0; leftMs = claims.graceLeftMs()) await pause(leftMs);
    }
    if (!(await claims.claim(held.stream, held.seq))) return false;
    held.isClaimed = true;
    held.regain();
    if (await this.#parts.done.hasAny([item.meta.id, nameOf(held)])) {
      // It has come to its end; what was lost is the acknowledgement.
      await this.#acknowledge(held);
      return false;
    }
    // A process that dies writes nothing down: handed out before and nothing known of it, it was tried once.
    const before = (await claims.tries(held.stream, held.seq)) ?? (held.handedOut > 1 ? 1 : 0);
    held.tries = before + 1;
    if (before >= MAX_HANDLER_FAILURES) {
      await this.#freeze(held, item, `tried ${before} times and never finished`);
      return false;
    }
    await claims.setTries(held.stream, held.seq, held.tries);
    return true;
  }

  /** The outcome is at hand: it is committed however long it takes, unless somebody else has the item. */
  async #finish(held: HeldItem, item: DecodedItem, outcome: Outcome): Promise<void> {
    const { writer, spool, link } = this.#parts;
    let isComplete: boolean | undefined;
    while (isComplete === undefined) {
      if (!(await this.#own(held))) {
        return link.onProblem(
          `item ${item.meta.id}`,
          new Error("somebody else has it; what was done here is not recorded"),
        );
      }
      try {
        isComplete = await writer.commit(item.meta, outcome);
        held.isEnding = true;
      } catch (err) {
        if (!(err instanceof BusUnavailableError) && !(err instanceof BusFullError))
          return this.#failed(held, item, err);
        link.onProblem(`committing ${item.meta.id}`, err);
        if (link.isClosed) return;
        await pause(COMMIT_PAUSE_MS);
      }
    }
    await this.#end(held, item.meta.id);
    if (isComplete && item.meta.spooled !== undefined) await spool.remove(item.meta.spooled.id);
  }

  /** The record is what counts; the acknowledgement that follows may be lost. */
  async #end(held: HeldItem, id: string): Promise<void> {
    await this.#parts.done.write(id);
    this.#recent.add(id);
    await this.#acknowledge(held);
  }

  /** Acknowledgements are not fenced: only who is sure to have the item, or knows that it is done with, may send one. */
  async #acknowledge(held: HeldItem): Promise<void> {
    const { link, api, claims } = this.#parts;
    if (held.isForgotten) await api.deleteMessage(held.stream, held.seq);
    link.send(held.reply, ACK);
    if (held.isClaimed) await claims.release(held.stream, held.seq);
  }

  /** Whether the item is ours; a lease that ran out is made good by a claim, if nobody else has made one. */
  async #own(held: HeldItem): Promise<boolean> {
    if (held.isHeld() && held.doubtfulSince === undefined) return true;
    const { link, claims } = this.#parts;
    try {
      await link.connected(RECONNECT_MS);
      await this.#verified;
      if (held.isHeld() && held.doubtfulSince === undefined) return true;
      if (await claims.claim(held.stream, held.seq)) {
        held.isClaimed = true;
        held.regain();
        return true;
      }
      held.lose("somebody else has the item");
    } catch (err) {
      link.onProblem(`claiming ${held.stream} ${held.seq}`, err);
    }
    return false;
  }

  async #failed(held: HeldItem, item: DecodedItem, err: unknown): Promise<void> {
    const { claims, link, failurePauseMs } = this.#parts;
    if (!held.isHeld()) {
      // Given up because the lease was lost: no fault of the item's.
      if (!link.isClosed) await claims.setTries(held.stream, held.seq, held.tries - 1);
      return;
    }
    if (held.tries >= MAX_HANDLER_FAILURES) {
      const text = err instanceof Error ? err.message : String(err);
      return this.#freeze(held, item, `failed ${held.tries} times: ${text}`);
    }
    link.onProblem(`handling ${item.meta.id}`, err);
    if (held.isClaimed) await claims.release(held.stream, held.seq);
    const delay = failurePauseMs * 2 ** (held.tries - 1) * NANOSECONDS;
    link.send(held.reply, Buffer.from(`-NAK ${JSON.stringify({ delay })}`));
  }

  async #freeze(held: HeldItem, item: DecodedItem, reason: string): Promise<void> {
    const { writer, names } = this.#parts;
    const { meta, headerOctets, content } = item;
    const msgId = `${idToken(meta.id)}-frozen-${held.seq}`;
    await writer.put(place(names.subject, { ...meta, frozen: reason }, headerOctets, content, msgId));
    held.isEnding = true;
    const { id, messageId } = meta;
    await writer.raise([
      { v: 1, id: `${id}/frozen/${held.seq}`, atMs: Date.now(), service: "bus", name: "msg:frozen", messageId, reason },
    ]);
    // Not the item has come to its end, only this copy of it: thawed, it comes again under the same id.
    await this.#parts.done.write(nameOf(held));
    await this.#acknowledge(held);
  }

  async #giveBack(held: HeldItem): Promise<void> {
    const { link, claims } = this.#parts;
    try {
      if (held.handedOut === 1) await claims.setTries(held.stream, held.seq, 0);
      if (held.isHeld()) link.send(held.reply, NAK);
    } catch (err) {
      link.onProblem(`giving back ${held.stream} ${held.seq}`, err);
    }
    this.#letGo(held);
  }

  #tick(): void {
    if (elapsedMs(this.#tickedAt) > this.#parts.times.standstillMs) this.#distrust();
    this.#tickedAt = instant();
    for (const held of this.#held.values()) {
      if (!held.isHeld()) held.lose("the lease ran out");
      else if (held.needsRenewal) this.#renew(held);
    }
    while (this.#ready[0] !== undefined && elapsedMs(this.#ready[0].handedAt) > WAITED_MS) {
      const held = this.#ready.shift();
      if (held === undefined) break;
      this.#giveBack(held).catch((err: unknown) => this.#parts.link.onProblem("giving back", err));
    }
  }

  #renew(held: HeldItem): void {
    held.renew().catch((err: unknown) => this.#parts.link.onProblem(`renewing ${held.stream} ${held.seq}`, err));
    if (held.isClaimed) this.#parts.claims.renew(held.stream, held.seq);
  }

  /** Drops what comes until everything has been read that was sent before now. */
  #distrust(): void {
    if (this.#isDistrustful) return;
    this.#isDistrustful = true;
    this.#parts.link.connection
      .flush()
      .catch((err: unknown) => this.#parts.link.onProblem("after a standstill", err))
      .finally(() => {
        this.#isDistrustful = false;
      });
  }

  #reconnected(disconnectedAt: Instant): void {
    for (const held of this.#held.values()) held.doubtfulSince ??= disconnectedAt;
    const epoch = this.#parts.claims.epoch;
    this.#verified = this.#verify(epoch);
  }

  /** Finds out which of the held items are still ours. */
  async #verify(epoch: number): Promise<void> {
    const { claims, link } = this.#parts;
    for (;;) {
      try {
        await claims.verify();
        const doubtful = [...this.#held.values()].filter((held) => held.doubtfulSince !== undefined);
        await Promise.all(doubtful.map((held) => this.#reclaim(held, claims.epoch !== epoch)));
        return;
      } catch (err) {
        if (link.isClosed) return;
        link.onProblem(`after reconnecting (${this.#queue})`, err);
        await pause(COMMIT_PAUSE_MS);
      }
    }
  }

  async #reclaim(held: HeldItem, serverForgot: boolean): Promise<void> {
    if (!serverForgot) {
      // It was only the connection: the server knows what we have.
      if (held.isHeld()) held.regain();
      return;
    }
    if (await this.#parts.claims.claim(held.stream, held.seq)) {
      held.isClaimed = true;
      held.isForgotten = true;
      held.regain();
    } else {
      held.lose("somebody else has the item");
    }
  }
}

const nameOf = ({ stream, seq }: HeldItem): string => `${stream} ${seq}`;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
