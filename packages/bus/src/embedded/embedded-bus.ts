import { join } from "node:path";
import { type Content, type MailEvent, messageOfSpooled } from "@postbus/contracts";
import type { Spool } from "@postbus/spool";
import { openFileSpool } from "@postbus/spool";
import type { Bus, BusHealth, ConsumeOptions, Handler, Outcome, Publication, Queue, Subscription } from "../bus.ts";
import { BusFullError, BusUnavailableError } from "../bus-error.ts";
import { type DirectoryLock, lockDirectory } from "../directory-lock.ts";
import type { EventLog } from "../event-log.ts";
import type { KeyValue } from "../key-value.ts";
import { OutcomeJournal } from "../outcome-journal.ts";
import type { Question, RequestOptions } from "../request-reply.ts";
import type { Waiting } from "../waiting.ts";
import { DeferredClock } from "./deferred-clock.ts";
import { directoryError, makeRoomToOpen, prepareDirectory } from "./directory.ts";
import { EmbeddedEventLog, type EventLogLimits } from "./event-log.ts";
import { FreeSpace } from "./free-space.ts";
import { type Change, GroupCommit } from "./group-commit.ts";
import { Items } from "./items.ts";
import { Values } from "./key-value.ts";
import { LocalRequests } from "./local-requests.ts";
import { Room } from "./room.ts";
import { Store } from "./store.ts";
import { type Outgoing, outgoing } from "./stored-item.ts";
import { giveTablesBack, takeTables } from "./tables-name.ts";
import { EmbeddedWaiting } from "./waiting.ts";
import { FreezeChange, OutcomeChange, PublishChange, type WorkContext } from "./work-changes.ts";
import type { WorkEntry } from "./work-entry.ts";
import { WorkJournal } from "./work-journal.ts";
import { WorkQueue } from "./work-queue.ts";

export interface EmbeddedBusOptions {
  /** Made if it is not there; belongs to this bus alone. */
  readonly directory: string;
  /** Pauses before an item whose handler failed is handed out again. */
  readonly failurePausesMs?: readonly number[];
  /** How long events are kept, and how many at most. */
  readonly events?: EventLogLimits;
  /** New mail is refused while the disk has less room. */
  readonly reserveOctets?: number;
}

const FAILURE_PAUSES_MS = [1_000, 5_000];
/** A week of a busy machine's mail, for who reads late; about 300 octets each. */
const EVENT_LIMITS: EventLogLimits = { maxAgeMs: 7 * 24 * 3600 * 1000, maxEvents: 2_000_000 };
const RESERVE_OCTETS = 64 * 1024 * 1024;
const HOUSEKEEPING_EVERY_MS = 60_000;
/** Content whose item was never published (the process died in between) is removed at that age. */
const ORPHAN_AGE_MS = 3600 * 1000;

/**
 * The bus of a single process: LMDB behind a journal, in a directory.
 *
 * What it says is done is on stable storage; what belongs together is one transaction. `kill -9` at any instant leaves
 * either all of an outcome or nothing of it.
 *
 * @throws {ConfigError} the directory cannot be used, or another process uses it.
 */
export async function openEmbeddedBus(options: EmbeddedBusOptions): Promise<Bus> {
  const { directory } = options;
  await prepareDirectory(directory);
  let lock: DirectoryLock | undefined;
  try {
    lock = await lockDirectory(directory);
    const room = new Room(directory);
    await makeRoomToOpen(directory, room);
    const spool = await openFileSpool(join(directory, "spool"));
    takeTables(directory);
    let bus: EmbeddedBus | undefined;
    const store = new Store({ directory, room, onFailure: (err) => bus?.end(err) });
    try {
      bus = new EmbeddedBus(options, { store, room, spool, lock });
      await bus.start();
      return bus;
    } catch (err) {
      await store.close();
      throw err;
    }
  } catch (err) {
    lock?.release();
    throw directoryError(directory, err);
  }
}

interface Parts {
  readonly store: Store;
  readonly room: Room;
  readonly spool: Spool;
  readonly lock: DirectoryLock;
}

class EmbeddedBus implements Bus {
  readonly spool: Spool;
  readonly events: EventLog;
  readonly waiting: Waiting;
  readonly #directory: string;
  readonly #store: Store;
  readonly #lock: DirectoryLock;
  readonly #space: FreeSpace;
  readonly #commits: GroupCommit;
  readonly #eventLog: EmbeddedEventLog;
  readonly #values: Values;
  readonly #requests = new LocalRequests();
  readonly #queues: Readonly<Record<Queue, WorkQueue>>;
  readonly #journal: WorkJournal;
  readonly #outcomes: OutcomeJournal;
  readonly #clock: DeferredClock;
  readonly #context: WorkContext;
  readonly #removals = new Set<Promise<void>>();
  readonly #housekeeping: NodeJS.Timeout;
  #sweptAtMs = 0;
  #closing: Promise<void> | undefined;

  constructor(options: EmbeddedBusOptions, { store, room, spool, lock }: Parts) {
    const { tables } = store;
    this.#directory = options.directory;
    const now = Date.now;
    const commit = (change: Change): void => this.#commits.commit(change);
    const dropSpooled = (id: string): void => this.#dropSpooled(id);
    this.spool = spool;
    this.#store = store;
    this.#lock = lock;
    this.#space = new FreeSpace(room, options.reserveOctets ?? RESERVE_OCTETS, () => store.free());
    this.#eventLog = new EmbeddedEventLog(tables.events, store.id, now, options.events ?? EVENT_LIMITS, commit);
    this.events = this.#eventLog;
    this.#values = new Values(tables, now, commit);
    const { route, deliver } = tables.ready;
    this.#journal = new WorkJournal(options.directory, (id) => route.has(id) || deliver.has(id));
    this.#outcomes = new OutcomeJournal({ path: join(options.directory, "outcomes"), counts: (id) => deliver.has(id) });
    const items = new Items(tables);
    const pausesMs = options.failurePausesMs ?? FAILURE_PAUSES_MS;
    const queue = (name: Queue): WorkQueue =>
      new WorkQueue(name, tables, {
        pausesMs,
        journal: this.#journal,
        // What router does twice has no effect twice.
        outcomes: name === "deliver" ? this.#outcomes : undefined,
        end: (entry, outcome, ended) => this.#end(name, entry, outcome, ended),
        freeze: (entry, reason, ended) => commit(new FreezeChange(this.#context, entry.id, reason, ended)),
      });
    this.#queues = { route: queue("route"), deliver: queue("deliver") };
    this.#clock = new DeferredClock(tables, { commit, now, admit: (name, entry) => this.#queues[name].admit(entry) });
    this.#context = {
      items,
      now,
      dropSpooled,
      queueOf: (item: Outgoing) => this.#queues[item.queue],
      deferred: (notBeforeMs) => this.#clock.note(notBeforeMs),
    };
    this.waiting = new EmbeddedWaiting({ tables, items, queues: this.#queues, commit, dropSpooled });
    this.#commits = new GroupCommit({
      batch: (write) => store.batch(write),
      addEvents: (draft) => this.#eventLog.addTo(draft),
      afterCommit: (draft) => {
        this.#eventLog.committed(draft);
        this.#queues.deliver.pump();
        this.#queues.route.pump();
      },
      explain: (err) => this.#explain(err),
      refusal: () => store.refusal,
    });
    this.#housekeeping = setInterval(() => void this.#keepHouse(), HOUSEKEEPING_EVERY_MS).unref();
  }

  async start(): Promise<void> {
    await this.#space.look();
    this.#clock.start();
  }

  publish(publication: Publication, events: readonly MailEvent[] = []): Promise<void> {
    return new Promise((resolve, reject) => {
      const item = outgoing(publication);
      if (!this.#space.spend(item.json.length + inlineSize(publication.content))) {
        reject(new BusFullError(`only ${this.#space.freeOctets} octets are left on the disk`));
        return;
      }
      const settled = (err?: Error): void => (err === undefined ? resolve() : reject(err));
      this.#commits.commit(new PublishChange(this.#context, item, events, settled));
    });
  }

  async consume(queue: Queue, options: ConsumeOptions, handler: Handler): Promise<Subscription> {
    return this.#queues[queue].consume(options, handler);
  }

  keyValue(name: string): KeyValue {
    return this.#values.bucket(name);
  }

  request(subject: string, body: object, options: RequestOptions): Promise<unknown> {
    return this.#requests.request(subject, body, options);
  }

  serve(
    subject: string,
    options: { readonly concurrency: number },
    handler: (question: Question) => Promise<object>,
  ): Promise<Subscription> {
    return this.#requests.serve(subject, options, handler);
  }

  broadcast(subject: string, body: object): void {
    this.#requests.broadcast(subject, body);
  }

  listen(subject: string, handler: (body: unknown) => void): Promise<Subscription> {
    return this.#requests.listen(subject, handler);
  }

  async health(): Promise<BusHealth> {
    await this.#space.look();
    if (this.#closing !== undefined) return { ok: false, text: "embedded: closed" };
    if (this.#commits.isStuck) return { ok: false, text: "embedded: the disk does not answer" };
    const refusal = this.#store.refusal;
    if (refusal !== undefined) return { ok: false, text: `embedded: ${refusal.message}` };
    const megabytes = Math.floor(this.#space.freeOctets / 1_000_000);
    if (this.#space.isShort) return { ok: false, text: `embedded: the disk is full, ${megabytes} MB left` };
    return { ok: true, text: "embedded" };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /**
   * The storage has failed in a way that only another process can mend, which reads the journal: so this one must end, and
   * must not do work meanwhile whose end it cannot store. What was in work is not to blame for it.
   */
  end(cause: Error): void {
    // It ends already.
    if (this.#closing !== undefined) return;
    for (const queue of Object.values(this.#queues)) queue.close();
    this.#journal.close();
    setImmediate(() => {
      throw new Error("the storage of the bus has failed; the next process goes on from the journal", { cause });
    });
  }

  async #close(): Promise<void> {
    clearInterval(this.#housekeeping);
    await this.#space.stop();
    this.#clock.close();
    this.#requests.close();
    for (const queue of Object.values(this.#queues)) queue.close();
    this.#eventLog.flush();
    // A disk that does not answer keeps no process from ending: what is in the journal is safe, the rest was not acknowledged.
    await this.#commits.close().catch(() => undefined);
    this.#eventLog.close();
    await Promise.allSettled(this.#removals);
    this.#journal.close();
    this.#outcomes.close();
    const { isSettled, isReleased } = await this.#store.close();
    try {
      if (isSettled && isReleased) giveTablesBack(this.#directory);
    } catch {
      // Then they keep their name, which only tells an older build that it must not begin anew.
    }
    // The kernel lets go of it with the process.
    if (isReleased) this.#lock.release();
  }

  #end(queue: Queue, entry: WorkEntry, outcome: Outcome, ended: (err?: Error) => void): void {
    this.#commits.commit(new OutcomeChange(this.#context, this.#queues[queue], entry, outcome, ended));
  }

  /** After the commit that ended the message. If it fails, or the process dies first, the sweep finds it. */
  #dropSpooled(id: string): void {
    const removal = this.spool
      .remove(id)
      .catch(() => {})
      .finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }

  async #keepHouse(): Promise<void> {
    const trim = (): void => {
      const change = this.#eventLog.trim((more) => {
        if (more) trim();
      });
      if (change !== undefined) this.#commits.commit(change);
    };
    trim();
    try {
      await this.#values.sweep(() => this.#closing === undefined);
    } catch {
      // What has expired costs room and nothing else, as below.
    }
    if (this.#closing !== undefined) return;
    if (performance.now() - this.#sweptAtMs < ORPHAN_AGE_MS && this.#sweptAtMs !== 0) return;
    this.#sweptAtMs = performance.now();
    const { open } = this.#store.tables;
    try {
      await this.spool.sweep(ORPHAN_AGE_MS, async (id) => open.has(messageOfSpooled(id)));
    } catch {
      // Orphans cost room and nothing else; the next hour tries again, and a disk in trouble is told by the commits.
    }
  }

  /** What a failed commit means for who waits for it. */
  async #explain(err: unknown): Promise<Error> {
    const text = err instanceof Error ? err.message : String(err);
    await this.#space.look();
    // LMDB tells a write that was cut short as an input/output error: then the room that is left tells more.
    if (/ENOSPC|No space left|MAP_FULL|quota/i.test(text) || (isStorageError(err) && this.#space.isNearlyGone)) {
      return new BusFullError(`no room for the commit: ${text}`, { cause: err });
    }
    if (isStorageError(err)) return new BusUnavailableError(`commit failed: ${text}`, { cause: err });
    return err instanceof Error ? err : new Error(text);
  }
}

const inlineSize = (content: Content): number => (content.kind === "inline" ? content.octets.length : 0);

/** Errors of LMDB carry a number as their code, those of the operating system as their errno. */
const isStorageError = (err: unknown): boolean =>
  err instanceof Error && (("code" in err && typeof err.code === "number") || "errno" in err);
