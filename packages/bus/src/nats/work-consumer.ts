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
import { type Left, leftIn } from "../outcome-journal.ts";
import type { Claims } from "./claims.ts";
import type { DoneLog } from "./done-log.ts";
import { HeldMessage } from "./held-message.ts";
import { type DecodedItem, decodeItems } from "./item-codec.ts";
import { copyName, idToken, MOVED } from "./item-subject.ts";
import { type ItemWriter, place } from "./item-writer.ts";
import type { JournalDirectory } from "./journal-directory.ts";
import { elapsedMs, type LeaseTimes } from "./lease.ts";
import { Leases } from "./leases.ts";
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
/** Handling that takes less takes no time, compared with asking the server for an item. */
const SHORT_MS = 50;
/** An item that has waited here for so long goes back: it was thought that it would be handled at once. */
const WAITED_MS = 2_000;
/** Until it is known how many items messages hold: a guess between what a lone client and a busy gateway send. */
const ITEMS_AT_FIRST = 8;
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
  /** Where what handlers return is kept until it is committed. */
  readonly journal: JournalDirectory | undefined;
}

/** One item on its way through a handler. */
interface Job {
  readonly held: HeldMessage;
  readonly item: DecodedItem;
  /** Under which name is remembered how often it was tried: the copy's, not the item's. */
  readonly name: string;
  /** How often a handler has begun with it, this time included. A hand-out that led to nothing is none. */
  tries: number;
  /** What somebody else did with it, and could not get stored. */
  left?: Left;
}

/**
 * Hands the items of one queue to a handler: those published for now, and those that were deferred and have become due.
 *
 * One state machine, and therefore one file: a message waits here → each of its items is (if it may have been handed
 * out before: claimed, and looked up) → in the handler's hands → committed → recorded as done; when all of them have
 * come so far, the message is acknowledged. From each state, back to the server or lost to another.
 */
export class WorkConsumer implements Subscription {
  readonly #parts: WorkConsumerParts;
  readonly #options: ConsumeOptions;
  readonly #handler: Handler;
  readonly #sources: readonly PullSource[];
  readonly #leases: Leases;
  /** Messages of which no item has been touched. */
  readonly #ready: HeldMessage[] = [];
  /** Items of messages that are this process's beyond doubt. */
  readonly #jobs: Job[] = [];
  readonly #recent = new RecentIds(RECENT_MAX);
  /** Items in handlers' hands, and whether they come to their end: a bundle may hold a copy of one. */
  readonly #inWork = new Map<string, Promise<boolean>>();
  readonly #purger: Purger;
  #running = 0;
  /** Items of the held messages that have not come to their end. */
  #left = 0;
  /** How many items a message holds, a moving average. */
  #itemsInMessage = ITEMS_AT_FIRST;
  /** How long handling takes, a moving average. */
  #handlingMs = Number.POSITIVE_INFINITY;
  #isStopping = false;
  #onIdle: (() => void) | undefined;

  constructor(parts: WorkConsumerParts, queue: Queue, options: ConsumeOptions, handler: Handler) {
    this.#parts = parts;
    this.#options = options;
    this.#handler = handler;
    const { link, names } = parts;
    this.#leases = new Leases(parts, () => this.#giveBackWaiting());
    const source = (stream: string, consumer: string) =>
      new PullSource(link, {
        stream,
        consumer,
        capacity: () => options.concurrency / this.#itemsInMessage,
        room: () => this.#room(),
        onMessage: (msg) => this.#take(stream, msg),
      });
    this.#sources = [source(names.work[queue], queue), source(names.deferred, `due-${queue}`)];
    this.#purger = new Purger(link, parts.api, names.work[queue], queue);
    for (const pull of this.#sources) pull.wake();
  }

  /** Messages of a stream that are in this process's hands. */
  heldOf(stream: string): HeldMessage[] {
    return this.#leases.of(stream);
  }

  async drain(): Promise<void> {
    if (!this.#isStopping) {
      this.#isStopping = true;
      await Promise.all(this.#sources.map((source) => source.stop()));
      await Promise.all(this.#ready.splice(0).map((held) => this.#giveBack(held)));
      this.#dropJobs();
    }
    if (this.#leases.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onIdle = resolve;
      await promise;
    }
    this.#leases.stop();
    this.#purger.stop();
  }

  /** Without grace: the handlers are told, nothing is waited for. */
  abort(): void {
    this.#isStopping = true;
    this.#leases.stop();
    this.#purger.stop();
    this.#leases.loseAll("the bus is closed");
  }

  #take(stream: string, msg: Msg): void {
    const reply = msg.reply ?? "";
    const { seq, count } = deliveryOf(reply);
    if (!this.#leases.isTrustworthy()) return;
    const known = this.#leases.get(stream, seq);
    if (known !== undefined) {
      // The server has forgotten that we have it, and has given it to us again.
      known.reply = reply;
      known.handedOut = Math.max(known.handedOut, count);
      known.regain();
      return;
    }
    let items: DecodedItem[];
    try {
      items = decodeItems(msg.data);
    } catch (err) {
      this.#parts.link.onProblem(`item ${stream} ${seq}`, err);
      return;
    }
    const { link, times } = this.#parts;
    const isMoved = msg.headers?.has(MOVED) === true;
    const held = new HeldMessage(link, times, { stream, seq, handedOut: count, reply, items, isMoved });
    this.#leases.add(held);
    if (items.length === 0) {
      this.#over(held);
      return;
    }
    this.#left += items.length;
    this.#itemsInMessage = (this.#itemsInMessage + items.length) / 2;
    this.#ready.push(held);
    this.#next();
  }

  /**
   * How many messages may come. Where handling takes no time, as many items wait here as are handled, so that a handler
   * need not wait for the next. Where it takes long, an item that waits here would be kept from a process that is idle.
   */
  #room(): number {
    if (this.#isStopping) return 0;
    const { concurrency } = this.#options;
    const items = (this.#handlingMs < SHORT_MS ? 2 : 1) * concurrency - this.#left;
    return items <= 0 ? 0 : Math.ceil(items / this.#itemsInMessage);
  }

  #next(): void {
    while (!this.#isStopping && this.#running < this.#options.concurrency) {
      const job = this.#jobs.shift();
      if (job !== undefined) {
        this.#start(job.held, (release) => this.#work(job, release));
        continue;
      }
      const held = this.#ready.shift();
      if (held === undefined) return;
      if (this.#leases.isFresh(held)) this.#jobs.push(...jobsOf(held));
      else this.#start(held, () => this.#inDoubt(held));
    }
  }

  #start(held: HeldMessage, work: (release: () => void) => Promise<void>): void {
    this.#running++;
    let isRunning = true;
    const release = () => {
      if (!isRunning) return;
      isRunning = false;
      this.#running--;
      this.#next();
    };
    work(release)
      .catch((err: unknown) => this.#parts.link.onProblem(`item ${held.stream} ${held.seq}`, err))
      .finally(release);
  }

  #open(jobs: readonly Job[]): void {
    this.#jobs.push(...jobs);
    this.#next();
    if (this.#isStopping) this.#dropJobs();
  }

  #dropJobs(): void {
    for (const { held } of this.#jobs.splice(0)) this.#itemOver(held, false);
  }

  /** An item has come to its end, or is given up here. */
  #itemOver(held: HeldMessage, hasEnded: boolean): void {
    held.left--;
    this.#left--;
    if (!hasEnded) held.isIncomplete = true;
    if (held.left === 0) this.#over(held);
    else for (const source of this.#sources) source.wake();
  }

  /** All of its items are over. */
  #over(held: HeldMessage): void {
    const finish = held.isIncomplete ? this.#release(held) : this.#acknowledge(held);
    finish
      .catch((err: unknown) => this.#parts.link.onProblem(`the end of ${held.stream} ${held.seq}`, err))
      .finally(() => this.#letGo(held));
  }

  #letGo(held: HeldMessage): void {
    this.#leases.delete(held);
    if (this.#leases.size === 0) this.#onIdle?.();
    for (const source of this.#sources) source.wake();
  }

  /**
   * Somebody may have begun with it, here or elsewhere. If the server says so, its items are handled one after the
   * other, so that one that kills the process is known by having been tried more often than the others.
   */
  async #inDoubt(held: HeldMessage): Promise<void> {
    let jobs = jobsOf(held);
    try {
      const claim = await this.#leases.claim(held);
      if (claim === "another's") return;
      if (claim === "ours") {
        jobs = await this.#withoutEnded(jobs);
        await this.#lookElsewhere(jobs);
      }
      if (claim === "fresh" || held.handedOut === 1 || (await this.#wasUntouched(held))) {
        this.#open(jobs.splice(0));
        return;
      }
      while (jobs[0] !== undefined && !this.#isStopping) {
        const mayHandle = this.#leftOf(jobs[0])?.outcome !== undefined || (await this.#mayHandle(jobs[0]));
        const job = jobs.shift();
        if (mayHandle && job !== undefined) await this.#work(job, () => {});
        else this.#itemOver(held, true);
      }
    } finally {
      for (const _ of jobs) this.#itemOver(held, false);
    }
  }

  /** Whoever had it last gave it back as it was; now it is begun with. */
  async #wasUntouched(held: HeldMessage): Promise<boolean> {
    if (held.items.length === 1) return false; // Of a single item it is noted how often it was tried.
    const { claims } = this.#parts;
    const name = copyName(held.stream, held.seq);
    if ((await claims.tries(name)) !== 0) return false;
    await claims.setTries(name, 1);
    return true;
  }

  /** Of some, what was lost is only the acknowledgement. */
  async #withoutEnded(jobs: Job[]): Promise<Job[]> {
    const ended = new Set(await this.#parts.done.endedOf(jobs.flatMap(({ item, name }) => [item.meta.id, name])));
    return jobs.filter(({ held, item, name }) => {
      if (!ended.has(item.meta.id) && !ended.has(name)) return true;
      this.#itemOver(held, true);
      return false;
    });
  }

  /** Somebody who shares our directory may have done the work, and died or lost the item before that was recorded. */
  async #lookElsewhere(jobs: readonly Job[]): Promise<void> {
    const lines = await this.#parts.journal?.elsewhere(jobs.map(({ item }) => item.meta.id));
    for (const job of jobs) {
      const { meta, content } = job.item;
      const line = lines?.get(meta.id);
      if (line !== undefined) job.left = leftIn(line, meta.messageId, content);
    }
  }

  #leftOf({ item: { meta, content }, left }: Job): Left | undefined {
    return left ?? this.#parts.journal?.left(meta.id, meta.messageId, content);
  }

  /** @param release Called when the handler is done with it: the next may go to it while this one is committed. */
  async #work(job: Job, release: () => void): Promise<void> {
    const { held, item } = job;
    const { id } = item.meta;
    const other = this.#inWork.get(id);
    if (other !== undefined) {
      release();
      this.#itemOver(held, await other);
      return;
    }
    if (this.#recent.has(id)) {
      this.#itemOver(held, true);
      return;
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#inWork.set(id, promise);
    let hasEnded = false;
    try {
      hasEnded = await this.#handle(job, release);
    } finally {
      if (this.#inWork.get(id) === promise) this.#inWork.delete(id);
      resolve(hasEnded);
      // What was not stored stays there for whoever gets it next.
      if (hasEnded) this.#parts.journal?.end(id);
      this.#itemOver(held, hasEnded);
    }
  }

  /** @returns whether the item has come to its end. */
  async #handle(job: Job, release: () => void): Promise<boolean> {
    const { held, item } = job;
    const left = this.#leftOf(job);
    if (left?.outcome !== undefined) {
      release();
      job.tries = Math.max(2, job.tries); // It may have been committed in part.
      return this.#finish(job, left.outcome);
    }
    const { journal } = this.#parts;
    for (;;) {
      let outcome: Outcome;
      const startedAtMs = performance.now();
      try {
        const remembered = this.#leftOf(job)?.done;
        outcome = await this.#handler(held.workItem(item, job.tries, { remembered, journal }));
      } catch (err) {
        const next = await this.#failed(job, err);
        if (next === "again") continue;
        return next === "frozen";
      }
      const tookMs = performance.now() - startedAtMs;
      this.#handlingMs = this.#handlingMs === Number.POSITIVE_INFINITY ? tookMs : this.#handlingMs * 0.9 + tookMs * 0.1;
      release();
      journal?.write(item.meta.id, item.meta.messageId, outcome);
      return this.#finish(job, outcome);
    }
  }

  /** Whether an item that was handed out before may be tried once more; if not, it is frozen. */
  async #mayHandle(job: Job): Promise<boolean> {
    const { name } = job;
    const { claims } = this.#parts;
    // A process that dies writes nothing down: handed out before and nothing known of it, it was tried once.
    const before = (await claims.tries(name)) ?? 1;
    job.tries = before + 1;
    if (before >= MAX_HANDLER_FAILURES) {
      await this.#freeze(job, `tried ${before} times and never finished`);
      return false;
    }
    await claims.setTries(name, job.tries);
    return true;
  }

  /**
   * The outcome is at hand: it is committed however long it takes, unless somebody else has the item.
   *
   * @returns whether the item has come to its end.
   */
  async #finish(job: Job, outcome: Outcome): Promise<boolean> {
    const { held, item, name, tries } = job;
    const { writer, spool, link, done } = this.#parts;
    let isRepeated = tries > 1;
    let faults = 0;
    let isComplete: boolean | undefined;
    while (isComplete === undefined) {
      if (!(await this.#leases.own(held))) {
        const error = new Error("somebody else has it; what was done here is not recorded");
        link.onProblem(`item ${item.meta.id}`, error);
        return false;
      }
      try {
        // While it was nobody's, another may have had it and be done.
        if (held.isClaimed && (await done.hasAny([item.meta.id, name]))) return true;
        isComplete = await writer.commit(item.meta, outcome, { isRepeated: isRepeated || held.isClaimed });
      } catch (err) {
        link.onProblem(`committing ${item.meta.id}`, err);
        if (link.isClosed) return false;
        // What the handler did is not done again, whatever is wrong with what it returned.
        if (!(err instanceof BusUnavailableError) && !(err instanceof BusFullError)) faults++;
        if (faults >= MAX_HANDLER_FAILURES) {
          await this.#freeze(job, `its outcome cannot be stored: ${err instanceof Error ? err.message : String(err)}`);
          return true;
        }
        isRepeated = true;
        await pause(COMMIT_PAUSE_MS);
      }
    }
    if (held.items.length === 1) held.isEnding = true;
    // The record is what counts; the acknowledgement that follows may be lost.
    await done.write(item.meta.id);
    this.#recent.add(item.meta.id);
    if (isComplete && item.meta.spooled !== undefined) {
      // What stays is swept.
      const { id } = item.meta.spooled;
      await spool.remove(id).catch((err: unknown) => link.onProblem(`removing the content ${id}`, err));
    }
    return true;
  }

  /** Acknowledgements are not fenced: only who is sure to have the item, or knows that it is done with, may send one. */
  async #acknowledge(held: HeldMessage): Promise<void> {
    const { link, api, claims } = this.#parts;
    if (held.isForgotten) await api.deleteMessage(held.stream, held.seq);
    link.send(held.reply, ACK);
    if (held.isClaimed) await claims.release(held.stream, held.seq);
  }

  async #failed(job: Job, err: unknown): Promise<"again" | "frozen" | "given up"> {
    const { held, item, name } = job;
    const { claims, link, failurePauseMs } = this.#parts;
    if (!held.isHeld()) {
      // Given up because the lease was lost: no fault of the item's.
      if (!link.isClosed) await claims.setTries(name, job.tries - 1);
      return "given up";
    }
    if (job.tries >= MAX_HANDLER_FAILURES) {
      const text = err instanceof Error ? err.message : String(err);
      await this.#freeze(job, `failed ${job.tries} times: ${text}`);
      return "frozen";
    }
    link.onProblem(`handling ${item.meta.id}`, err);
    const delayMs = failurePauseMs * 2 ** (job.tries - 1);
    if (held.items.length === 1) {
      // Another process may know better.
      if (held.isClaimed) await claims.release(held.stream, held.seq);
      held.isGivenBack = true;
      link.send(held.reply, Buffer.from(`-NAK ${JSON.stringify({ delay: delayMs * NANOSECONDS })}`));
      return "given up";
    }
    await pause(delayMs);
    if (this.#isStopping) return "given up";
    job.tries++;
    return "again";
  }

  async #freeze({ held, item, name }: Job, reason: string): Promise<void> {
    const { writer, names, done } = this.#parts;
    const { meta, headerOctets, content } = item;
    const msgId = `${idToken(meta.id)}-frozen-${held.seq}`;
    // Thawed at once, it comes back before this copy of it is gone.
    this.#inWork.delete(meta.id);
    await writer.put(place(names.subject, { ...meta, frozen: reason }, headerOctets, content, msgId));
    if (held.items.length === 1) held.isEnding = true;
    const { id, messageId } = meta;
    await writer.raise([
      { v: 1, id: `${id}/frozen/${held.seq}`, atMs: Date.now(), service: "bus", name: "msg:frozen", messageId, reason },
    ]);
    // Not the item has come to its end, only this copy of it: thawed, it comes again under the same id.
    await done.write(name);
  }

  /** What was not finished goes to whoever is next, at once if nobody has failed with it. */
  async #release(held: HeldMessage): Promise<void> {
    const { link, claims } = this.#parts;
    if (held.isGivenBack || !held.isHeld()) return;
    if (held.isClaimed) await claims.release(held.stream, held.seq);
    link.send(held.reply, NAK);
  }

  async #giveBack(held: HeldMessage): Promise<void> {
    const { link, claims } = this.#parts;
    try {
      if (held.handedOut === 1 || held.items.length > 1) await claims.setTries(copyName(held.stream, held.seq), 0);
      if (held.isHeld()) link.send(held.reply, NAK);
    } catch (err) {
      link.onProblem(`giving back ${held.stream} ${held.seq}`, err);
    }
    this.#left -= held.left;
    this.#letGo(held);
  }

  /** What waits here for too long goes to a process that has time for it. */
  #giveBackWaiting(): void {
    while (this.#ready[0] !== undefined && elapsedMs(this.#ready[0].handedAt) > WAITED_MS) {
      const held = this.#ready.shift();
      if (held === undefined) break;
      this.#giveBack(held).catch((err: unknown) => this.#parts.link.onProblem("giving back", err));
    }
  }
}

const jobsOf = (held: HeldMessage): Job[] =>
  held.items.map((item, index) => ({
    held,
    item,
    name: copyName(held.stream, held.seq, held.items.length === 1 ? undefined : index),
    tries: 1,
  }));

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
