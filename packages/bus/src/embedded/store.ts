import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { open, type RootDatabase } from "lmdb";
import type { Queue } from "../bus.ts";
import { Journal } from "./journal.ts";
import type { JournalEntry } from "./journal-record.ts";
import { latin1Keys, Table } from "./table.ts";

/** Address space, not memory and not disk: the file grows as it needs, and so does the map when this is used up. */
const MAP_OCTETS = 64 * 1024 ** 3;

/** The tables of the embedded bus. */
export interface Tables {
  /** Item id → item. To be handed out, or in a handler's hands: an item leaves with the commit that ends it. */
  readonly ready: Readonly<Record<Queue, Table>>;
  /** Item id → item that has a not-before time… */
  readonly deferred: Table;
  /** …and `<milliseconds>/<item id>` → nothing, so that the next one due is the first key. */
  readonly due: Table;
  /** Item id → item that waits for an operator. */
  readonly frozen: Table;
  /** Message id → octets of inline content, written once when the message's first item is published. */
  readonly content: Table;
  /** Message id → number of open items; only of messages that have several, and of all with spooled content. */
  readonly open: Table;
  /** Number of a commit's last event → all its events. */
  readonly events: Table;
  /** `<bucket>/<key>` → shared value. */
  readonly values: Table;
  /** A few words about the file itself. */
  readonly meta: Table;
}

/** So many octets of the journal, and the tables' file is brought up to date. */
const SETTLE_OCTETS = 2 * 1024 * 1024;
/** Later than this it is done for fewer. */
const SETTLE_AFTER_MS = 1_000;
/** In the table of words about the file: the number of the last record of the journal that is in the file. */
const SETTLED = "journal";

/**
 * A commit is one write to the journal, which is on stable storage then. The tables' file gets what the commits of a second,
 * or some megabytes of them, have left of each other: most of the mail that passes through never comes there.
 */
export class Store {
  readonly tables: Tables;
  /** Drawn when the file was made; positions in the event log carry it, so that another file's are recognised. */
  readonly id: string;
  readonly #root: RootDatabase<Buffer, string>;
  /** By their numbers in the journal. */
  readonly #numbered: readonly Table[];
  readonly #journal: Journal;
  /** Of the batch that is being put together. */
  #entries: JournalEntry[] | undefined;
  #settling: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The last try to bring the file up to date has failed. */
  #isFailing = false;
  #isClosed = false;

  /** @throws the operating system's error, or that of LMDB. */
  constructor(directory: string) {
    const options = { encoding: "binary", keyEncoder: latin1Keys } as const;
    this.#root = open<Buffer, string>({
      ...options,
      path: join(directory, "data.mdb"),
      maxDbs: 16,
      mapSize: MAP_OCTETS,
      // The promise of a batch resolves after the sync, not before it. Cannot be changed once a file was made without.
      overlappingSync: false,
      // One batch = one transaction = one sync; who puts what into it is decided in `group-commit.ts`.
      eventTurnBatching: false,
      // Pages are not zeroed before use: the file may hold old octets of mail, which it holds anyway.
      noMemInit: true,
    });
    const numbered: Table[] = [];
    const table = (name: string): Table => {
      const made = new Table(name, this.#root.openDB<Buffer, string>(name, options), (at, key, value) =>
        this.#record(numbered.indexOf(at), key, value),
      );
      numbered.push(made);
      return made;
    };
    // Records of the journal name them by their order here: a new one comes last.
    this.tables = {
      ready: { route: table("ready.route"), deliver: table("ready.deliver") },
      deferred: table("deferred"),
      due: table("due"),
      frozen: table("frozen"),
      content: table("content"),
      open: table("open"),
      events: table("events"),
      values: table("values"),
      meta: table("meta"),
    };
    this.#numbered = numbered;
    this.id = this.#identity();
    this.#journal = new Journal(directory, this.id, Number(this.tables.meta.get(SETTLED) ?? 0));
    this.#recover();
  }

  /**
   * One transaction: when the promise resolves, everything that `write` wrote is on stable storage; when it rejects,
   * nothing was written, unless the process ends before the next batch: then it may come back. One at a time.
   */
  async batch(write: () => void): Promise<void> {
    const entries = this.#collect(write);
    if (entries.length === 0) return;
    const record = this.#journal.encode(entries);
    if (record === undefined) return this.#commitToFile(entries);
    // Why it fails, if it does, is seen next.
    if (!this.#journal.hasRoom(record)) await this.#settle().catch(() => undefined);
    if (!this.#journal.hasRoom(record)) return this.#commitToFile(entries);
    try {
      await this.#journal.append(record);
    } catch (err) {
      return this.#commitInstead(entries, err);
    }
    for (const { table, key, value } of entries) this.#numbered[table]?.apply(key, value);
    if (this.#journal.unsettledOctets >= SETTLE_OCTETS && !this.#isFailing) this.#settleInTheBackground();
    else this.#settleLater();
  }

  /** Octets of the file that are in use, free pages included. */
  size(): number {
    const stats = this.#root.getStats() as { readonly lastPageNumber: number; readonly pageSize: number };
    return (stats.lastPageNumber + 1) * stats.pageSize;
  }

  /** Octets of the file that hold nothing: the file does not shrink, its pages are used again. */
  free(): number {
    const { events, values, meta, ready, deferred, due, frozen, content, open: parts } = this.tables;
    const all = [events, values, meta, ready.route, ready.deliver, deferred, due, frozen, content, parts];
    return Math.max(0, this.size() - all.reduce((sum, table) => sum + table.octets(), 0));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    try {
      while (this.#journal.ended > this.#journal.settled) await this.#settle();
    } catch {
      // It stays in the journal, and the next process will bring it there.
    }
    clearTimeout(this.#timer);
    this.#journal.close();
    await this.#root.close();
  }

  #record(table: number, key: string, value: Buffer | string | undefined): void {
    if (this.#entries === undefined) throw new Error("a write outside of a batch");
    this.#entries.push({ table, key, value });
  }

  #collect(write: () => void): readonly JournalEntry[] {
    const entries: JournalEntry[] = [];
    this.#entries = entries;
    try {
      write();
    } finally {
      this.#entries = undefined;
    }
    return entries;
  }

  /**
   * What is larger than the journal's files, or finds no room in them: with all that the file lacks, in one transaction. On
   * a full disk that can be possible where nothing else is: what is taken out again needs no room.
   */
  async #commitToFile(entries: readonly JournalEntry[]): Promise<void> {
    while (this.#settling !== undefined) await this.#settling.catch(() => undefined);
    await this.#settle(entries);
  }

  /** The journal could not be written. Whether the record is in it nobody knows, so the file must say that it does not count. */
  async #commitInstead(entries: readonly JournalEntry[], cause: unknown): Promise<void> {
    try {
      await this.#commitToFile(entries);
    } catch {
      this.#settleLater();
      throw cause;
    }
  }

  #settleInTheBackground(): void {
    // The journal has it. When that fails, it is tried again, and once the journal is full the next batch says why.
    this.#settle().catch(() => this.#settleLater());
  }

  #settleLater(): void {
    if (this.#isClosed) return;
    this.#timer ??= setTimeout(() => this.#settleInTheBackground(), SETTLE_AFTER_MS).unref();
  }

  /** Brings the tables' file up to date, one at a time. @param entries What goes there without the journal. */
  #settle(entries: readonly JournalEntry[] = []): Promise<void> {
    this.#settling ??= this.#settleNow(entries).finally(() => {
      this.#settling = undefined;
    });
    return this.#settling;
  }

  async #settleNow(entries: readonly JournalEntry[]): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const upTo = this.#journal.ended;
    if (upTo === this.#journal.settled && entries.length === 0) return;
    this.#journal.turn();
    try {
      await this.#transaction(() => {
        for (const table of this.#numbered) table.settle();
        for (const { table, key, value } of entries) this.#numbered[table]?.put(key, value);
        this.tables.meta.put(SETTLED, String(upTo));
      });
    } catch (err) {
      for (const table of this.#numbered) table.unsettled();
      this.#isFailing = true;
      throw err;
    }
    for (const table of this.#numbered) table.settled();
    this.#journal.settle(upTo);
    this.#isFailing = false;
    if (this.#journal.ended > upTo) this.#settleLater();
  }

  /**
   * Of the tables' file: on stable storage when it resolves. (The package executes a batch as a block in which its writing
   * thread may not commit. Only a synchronous transaction could split it, and there is none after the tables are open.)
   */
  async #transaction(write: () => void): Promise<void> {
    try {
      await this.#root.batch(write);
    } catch (err) {
      throw await causeOf(err);
    }
  }

  /** What an earlier process has committed and not brought to the file. */
  #recover(): void {
    const left = this.#journal.takeLeft();
    for (const { entries } of left) {
      for (const { table, key, value } of entries) this.#numbered[table]?.recover(key, value);
    }
    if (left.length > 0) this.#settleLater();
  }

  #identity(): string {
    const known = this.tables.meta.get("id");
    if (known !== undefined) return known.toString("latin1");
    const id = randomBytes(6).toString("hex");
    this.#root.transactionSync(() => this.tables.meta.put("id", id));
    return id;
  }
}

/** The package rejects with a general error and tells the real one in a promise that hangs on it. */
async function causeOf(err: unknown): Promise<unknown> {
  if (!(err instanceof Error && "commitError" in err)) return err;
  try {
    await err.commitError;
  } catch (cause) {
    return cause;
  }
  return err;
}
