import type { ConsumeOptions, Handler, Outcome, Queue, Subscription } from "../bus.ts";
import { MAX_HANDLER_FAILURES } from "../bus.ts";
import type { OutcomeJournal } from "../outcome-journal.ts";
import { Consumer } from "./consumer.ts";
import type { HeldItem } from "./held-item.ts";
import { Line } from "./line.ts";
import { parseItem, spooledContent } from "./stored-item.ts";
import type { Tables } from "./tables.ts";
import { WorkEntry } from "./work-entry.ts";
import type { WorkJournal } from "./work-journal.ts";

/** Entries that were just published and wait in memory; beyond, they are read from their table when it is their turn. */
const FRESH_ENTRIES = 2_000;
/** What these may weigh. */
const FRESH_OCTETS = 32 * 1024 * 1024;
/** Entries read from the table at a time, and how few may be left before the next ones are read. */
const BACKLOG_ENTRIES = 128;
const BACKLOG_LOW = 32;
/**
 * Suspicion (`work-journal.ts`) at which an item is frozen: after three crashes, the number of `MAX_HANDLER_FAILURES`, or
 * after twelve silent deaths. So many, because an item can be in work at several kills from outside by chance: of two
 * hundred kills, a quarter of a second apart, some items meet five.
 */
const MAX_SUSPICION = 12;
/** From here on an item is handed out at a random moment, so that a cause parts from bystanders. */
const SUSPECT = 2;
const SUSPECT_DELAY_MS = 2_000;
/**
 * Items handed out in one turn of the event loop. A handler may come to its end without waiting for anything, as it does where a
 * host is not to be tried yet; so many of those keep everything else waiting for a few milliseconds.
 */
const IN_ONE_TURN = 32;
/** Items that wait for another try at one time. When a handler fails at everything, handing out more would not help. */
const MAX_PAUSED = 1_000;

export interface WorkQueueDeps {
  /** Commits the outcome with the item's end, then calls `ended`. @throws what cannot be published: the handler's error. */
  readonly end: (entry: WorkEntry, outcome: Outcome, ended: (err?: Error) => void) => void;
  /** Commits the item's freezing, then calls `ended`. */
  readonly freeze: (entry: WorkEntry, reason: string, ended: (err?: Error) => void) => void;
  readonly journal: WorkJournal;
  /** Of work whose effect outside cannot be repeated; without one, work that was not committed is done again. */
  readonly outcomes: OutcomeJournal | undefined;
  /** Milliseconds before the second, the third, … try of an item whose handler failed. */
  readonly pausesMs: readonly number[];
}

/**
 * Hands out the ready items of one queue.
 *
 * What was just published is handed out from memory, by reference. What does not fit there, or was there before the
 * process, is read from the table in order of its keys; both take turns, so that neither a backlog delays new mail by
 * more than itself nor new mail starves the backlog. Memory is bounded however long the queue is.
 */
export class WorkQueue {
  readonly queue: Queue;
  readonly #tables: Tables;
  readonly #deps: WorkQueueDeps;
  /** Every ready item that is in memory, in whatever state. */
  readonly #held = new Map<string, WorkEntry>();
  readonly #fresh = new Line<WorkEntry>();
  #freshWeight = 0;
  readonly #backlog = new Line<WorkEntry>();
  /** Key behind which the table has not been read yet, on this way through it. */
  #cursor = "";
  #isBacklogsTurn = false;
  readonly #consumers: Consumer[] = [];
  readonly #draining = new Set<Consumer>();
  readonly #pauses = new Set<NodeJS.Timeout>();
  #isClosed = false;
  #isNextTurnComing = false;

  constructor(queue: Queue, tables: Tables, deps: WorkQueueDeps) {
    this.queue = queue;
    this.#tables = tables;
    this.#deps = deps;
  }

  consume({ concurrency }: ConsumeOptions, handler: Handler): Subscription {
    const consumer = new Consumer(concurrency, handler, this.#deps.outcomes);
    this.#consumers.push(consumer);
    this.pump();
    return {
      drain: async () => {
        const at = this.#consumers.indexOf(consumer);
        if (at >= 0) this.#consumers.splice(at, 1);
        this.#draining.add(consumer);
        await consumer.idle();
        this.#draining.delete(consumer);
      },
    };
  }

  /** The item was committed as ready. `pump` follows when the whole commit is accounted for. */
  admit(entry: WorkEntry): void {
    if (this.#fresh.length >= FRESH_ENTRIES || this.#freshWeight + entry.weight > FRESH_OCTETS) return;
    // Somebody may have read it from its table between the commit and now.
    if (this.#held.has(entry.id)) return;
    this.#held.set(entry.id, entry);
    this.#fresh.push(entry);
    this.#freshWeight += entry.weight;
  }

  /** Takes a ready item out of circulation while a command about it is committed. False: a handler has it. */
  claim(id: string): boolean {
    const entry = this.#held.get(id);
    if (entry === undefined) {
      // Not in memory: the place is kept, so that nobody reads it meanwhile.
      const claimed = new WorkEntry(id, "", "", undefined, undefined, 0);
      claimed.state = "claimed";
      this.#held.set(id, claimed);
      return true;
    }
    if (entry.state !== "waiting" && entry.state !== "paused") return false;
    entry.state = "claimed";
    return true;
  }

  /** @param isGone Whether the command was committed. If not, the item is read from its table again. */
  unclaim(id: string, isGone: boolean): void {
    const entry = this.#held.get(id);
    if (entry?.state !== "claimed") return;
    entry.state = "gone";
    this.#held.delete(id);
    if (!isGone) this.#cursor = "";
  }

  isInWork(id: string): boolean {
    return this.#held.get(id)?.state === "working";
  }

  /** Gives out what there is to whom has room. */
  pump(): void {
    if (this.#isClosed) return;
    const taken: Taken[] = [];
    let lines = "";
    for (;;) {
      const consumer = this.#consumers.find((one) => one.hasRoom);
      if (consumer === undefined || this.#pauses.size >= MAX_PAUSED) break;
      if (taken.length === IN_ONE_TURN) {
        this.#pumpNextTurn();
        break;
      }
      const entry = this.#next();
      if (entry === undefined) break;
      const work = this.#take(entry, consumer);
      if (work === undefined) continue;
      taken.push({ work, entry, consumer });
      lines += this.#deps.journal.handOut(entry.id, entry);
    }
    // One write for all of them, and before any of them is worked on.
    this.#deps.journal.write(lines);
    for (const one of taken) void this.#work(one);
  }

  #pumpNextTurn(): void {
    if (this.#isNextTurnComing) return;
    this.#isNextTurnComing = true;
    setImmediate(() => {
      this.#isNextTurnComing = false;
      this.pump();
    });
  }

  /** Hard: what is in work goes on being ready in the table. */
  close(): void {
    this.#isClosed = true;
    for (const timer of this.#pauses) clearTimeout(timer);
    for (const consumer of [...this.#consumers, ...this.#draining]) consumer.abort();
  }

  #next(): WorkEntry | undefined {
    if (this.#backlog.length < BACKLOG_LOW) this.#readBacklog();
    this.#isBacklogsTurn = !this.#isBacklogsTurn;
    return this.#isBacklogsTurn
      ? (this.#nextOfBacklog() ?? this.#nextFresh())
      : (this.#nextFresh() ?? this.#nextOfBacklog());
  }

  #nextFresh(): WorkEntry | undefined {
    for (let entry = this.#fresh.shift(); entry !== undefined; entry = this.#fresh.shift()) {
      this.#freshWeight -= entry.weight;
      if (entry.state === "waiting") return entry;
    }
    return undefined;
  }

  #nextOfBacklog(): WorkEntry | undefined {
    for (let entry = this.#backlog.shift(); entry !== undefined; entry = this.#backlog.shift()) {
      if (entry.state === "waiting") return entry;
    }
    return undefined;
  }

  /** Reads on in the table, if there are items that are not in memory; from the beginning again when it has ended. */
  #readBacklog(): void {
    const table = this.#tables.ready[this.queue];
    let found = 0;
    for (let ways = 0; ways < 2 && found < BACKLOG_ENTRIES && table.count > this.#held.size; ways++) {
      const limit = BACKLOG_ENTRIES + this.#held.size;
      let keys = 0;
      for (const id of table.keys({ start: `${this.#cursor}\0`, limit })) {
        keys++;
        this.#cursor = id;
        if (this.#held.has(id)) continue;
        this.#readEntry(id);
        if (++found === BACKLOG_ENTRIES) return;
      }
      if (keys < limit) this.#cursor = "";
    }
  }

  #readEntry(id: string): void {
    const stored = this.#tables.ready[this.queue].get(id);
    if (stored === undefined) return;
    const item = parseItem(stored);
    const content = item.c === undefined ? undefined : spooledContent(item.c);
    const entry = new WorkEntry(id, item.s, item.m, item.h, content, stored.length);
    this.#held.set(id, entry);
    const { handedOut = 0, suspicion = 0 } = this.#deps.journal.left(id) ?? {};
    entry.handedOut = handedOut;
    entry.suspicion = suspicion;
    if (suspicion >= SUSPECT) this.#pause(entry, Math.random() * SUSPECT_DELAY_MS);
    else this.#backlog.push(entry);
  }

  /** @returns Undefined: it cannot be handed out, and waits for an operator. */
  #take(entry: WorkEntry, consumer: Consumer): HeldItem | undefined {
    entry.state = "working";
    entry.handedOut++;
    const content = entry.content ?? this.#contentOf(entry);
    if (content === undefined || entry.suspicion >= MAX_SUSPICION) {
      consumer.takeUnusable(entry);
      const reason =
        content === undefined
          ? "its content is not in the storage"
          : "it was in work again and again when the process died";
      this.#freeze(entry, consumer, reason);
      return undefined;
    }
    entry.content = content;
    return consumer.take(entry, content);
  }

  async #work({ work, entry, consumer }: Taken): Promise<void> {
    try {
      const outcome = await this.#outcomeOf(work, consumer);
      this.#deps.end(entry, outcome, (err) => {
        if (err === undefined || this.#isClosed) this.#ended(entry, consumer);
        // Its work was done: doing it again would do it twice.
        else this.#freeze(entry, consumer, `done, but its end could not be stored: ${err.message}`);
      });
    } catch (err) {
      this.#failed(entry, consumer, err);
    }
  }

  async #outcomeOf(work: HeldItem, consumer: Consumer): Promise<Outcome> {
    const { outcomes } = this.#deps;
    const left = outcomes?.left(work.id, work.messageId, work.content);
    if (left?.outcome !== undefined) return left.outcome;
    work.remembered = left?.done;
    const outcome = await consumer.handler(work);
    outcomes?.write(work.id, work.messageId, outcome);
    return outcome;
  }

  #failed(entry: WorkEntry, consumer: Consumer, err: unknown): void {
    entry.failures++;
    this.#deps.journal.giveBack(entry.id);
    const text = err instanceof Error ? err.message : String(err);
    if (entry.failures >= MAX_HANDLER_FAILURES) {
      this.#freeze(entry, consumer, `failed ${entry.failures} times: ${text}`);
      return;
    }
    consumer.leave(entry);
    this.#pause(entry, this.#deps.pausesMs[entry.failures - 1] ?? this.#deps.pausesMs.at(-1) ?? 0);
    this.pump();
  }

  #freeze(entry: WorkEntry, consumer: Consumer, reason: string): void {
    this.#deps.freeze(entry, reason, (err) => {
      if (err === undefined || this.#isClosed) return this.#ended(entry, consumer);
      consumer.leave(entry);
      this.#pause(entry, this.#deps.pausesMs.at(-1) ?? 0);
    });
  }

  #pause(entry: WorkEntry, ms: number): void {
    if (this.#isClosed) return;
    entry.state = "paused";
    // Read again when it is its turn: what pauses may be many.
    if (entry.content?.kind === "inline") entry.content = undefined;
    const timer = setTimeout(() => {
      this.#pauses.delete(timer);
      if (entry.state !== "paused") return;
      entry.state = "waiting";
      this.#backlog.push(entry);
      this.pump();
    }, ms);
    this.#pauses.add(timer);
  }

  #ended(entry: WorkEntry, consumer: Consumer): void {
    entry.state = "gone";
    this.#held.delete(entry.id);
    this.#deps.journal.end(entry.id);
    // What a closed bus did not store stays in the journal for the next process.
    if (!this.#isClosed) this.#deps.outcomes?.end(entry.id);
    consumer.leave(entry);
  }

  #contentOf(entry: WorkEntry): WorkEntry["content"] {
    const octets = this.#tables.content.get(entry.messageId);
    return octets === undefined ? undefined : { kind: "inline", octets };
  }
}

interface Taken {
  readonly work: HeldItem;
  readonly entry: WorkEntry;
  readonly consumer: Consumer;
}
