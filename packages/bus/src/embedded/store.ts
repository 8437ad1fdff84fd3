import { randomBytes } from "node:crypto";
import { constants } from "node:os";
import { BusFullError, BusUnavailableError } from "../bus-error.ts";
import { Journal } from "./journal.ts";
import type { JournalEntry } from "./journal-record.ts";
import type { Room } from "./room.ts";
import { SETTLED, Settler } from "./settler.ts";
import { pagesFor } from "./settling-steps.ts";
import type { Table } from "./table.ts";
import { openTables, type Tables } from "./tables.ts";
import { TablesFile } from "./tables-file.ts";
import { giveTablesBack } from "./tables-name.ts";
import { within } from "./within.ts";

/** So many octets of the journal or so many rows, and the tables' file is brought up to date. */
const SETTLE_OCTETS = 2 * 1024 * 1024;
const SETTLE_ROWS = 4_000;
/** Later than this it is done for fewer. */
const SETTLE_AFTER_MS = 1_000;
/** If it has not been done for so long, the disk does not keep up. */
const BEHIND_MS = 60_000;
/** For that when the bus is closed. */
const CLOSE_MS = 5_000;
/** What LMDB accepts. */
const MAX_KEY_OCTETS = 1_978;

export interface StoreOptions {
  readonly directory: string;
  readonly room: Room;
  /** Milliseconds that only grow. */
  readonly now?: () => number;
  /** Nothing can be read or written any more until another process opens the directory. */
  readonly onFailure: (err: Error) => void;
}

/**
 * A commit is one write to the journal, which is on stable storage then. The tables' file gets what the commits of a second,
 * or some megabytes of them, have left of each other: most of the mail that passes through never comes there.
 */
export class Store {
  readonly tables: Tables;
  /** Drawn when the file was made; positions in the event log carry it, so that another file's are recognised. */
  readonly id: string;
  readonly #options: StoreOptions;
  readonly #now: () => number;
  readonly #file: TablesFile;
  /** By their numbers in the journal. */
  readonly #numbered: readonly Table[];
  readonly #settler: Settler;
  readonly #journal: Journal;
  /** Of the batch that is being put together. */
  #entries: JournalEntry[] | undefined;
  /** Since it was last begun to settle. */
  #unsettledRows = 0;
  /** Pages that what is unsettled may need. */
  #unsettledPages = 0;
  #settling: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Why the last try to bring the file up to date has failed. */
  #trouble: unknown;
  /** When the oldest of what is not settled was committed, by `now`; and that of what is not being settled. */
  #behindSinceMs: number | undefined;
  #freshSinceMs: number | undefined;
  #isClosed = false;

  /** @throws {ConfigError} the journal is not all there. @throws the operating system's error, or that of LMDB. */
  constructor(options: StoreOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    const { directory } = options;
    this.#file = new TablesFile(directory);
    const record = (table: Table, key: string, value: Buffer | string | undefined): void =>
      this.#record(this.#numbered.indexOf(table), key, value);
    const { tables, numbered } = openTables(this.#file, record);
    this.tables = tables;
    this.#numbered = numbered;
    this.#settler = new Settler({ file: this.#file, tables, numbered, room: options.room, free: () => this.free() });
    this.id = this.#identity();
    const settled = tables.meta.get(SETTLED)?.toString();
    try {
      this.#journal = new Journal({
        directory,
        storeId: this.id,
        settled: settled === undefined ? undefined : Number(settled),
      });
      // From now on the files of the journal must be there.
      if (settled === undefined) this.#file.transactionSync(() => tables.meta.put(SETTLED, "0"));
    } catch (err) {
      this.#file.close().catch(() => undefined);
      // There was no room for a first journal, for one: then any build may go on with the tables.
      if (settled === undefined) giveTablesBack(directory);
      throw err;
    }
    this.#recover();
  }

  /**
   * One transaction: when the promise resolves, everything that `write` wrote is on stable storage; when it rejects,
   * nothing was written, unless the process ends before the next batch: then it may come back. One at a time.
   */
  async batch(write: () => void): Promise<void> {
    const entries = this.#collect(write);
    if (entries.length === 0) return;
    // What LMDB has been told last may be there or not, and this must not be built on either.
    if (this.#file.failure !== undefined) throw this.refusal ?? this.#file.failure;
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
    for (const { table, key, value } of entries) {
      this.#numbered[table]?.apply(key, value);
      this.#unsettledPages += pagesFor(value);
    }
    this.#unsettledRows += entries.length;
    this.#freshSinceMs ??= this.#now();
    this.#behindSinceMs ??= this.#freshSinceMs;
    const isMuch = this.#journal.unsettledOctets >= SETTLE_OCTETS || this.#unsettledRows >= SETTLE_ROWS;
    if (isMuch && this.#trouble === undefined) this.#settleInTheBackground();
    else this.#settleLater();
  }

  /**
   * Why nothing new is to be committed, while what takes rows out still is: the tables' file cannot be written, and the journal
   * must last until it can.
   */
  get refusal(): Error | undefined {
    if (this.#file.failure !== undefined) return new BusUnavailableError(`the storage: ${this.#file.failure.message}`);
    const behindMs = this.#behindSinceMs === undefined ? 0 : this.#now() - this.#behindSinceMs;
    const text = this.#trouble instanceof Error ? this.#trouble.message : "no answer from the disk";
    const isFull = isNoRoom(this.#trouble);
    if (behindMs < BEHIND_MS && !(this.#trouble !== undefined && this.#journal.isHalfFull)) return undefined;
    const line = `the disk has not kept up for ${Math.floor(behindMs / 1000)} s: ${text}`;
    return isFull ? new BusFullError(line) : new BusUnavailableError(line);
  }

  /** Octets of the file that hold nothing: the file does not shrink, its pages are used again. */
  free(): number {
    if (this.#file.failure !== undefined) return 0;
    return Math.max(0, this.#file.size() - this.#numbered.reduce((sum, table) => sum + table.octets(), 0));
  }

  /** @returns Whether everything is in the tables' file; and whether nothing of this process can write there any more. */
  async close(): Promise<{ isSettled: boolean; isReleased: boolean }> {
    this.#isClosed = true;
    let isSettled = false;
    try {
      await within(CLOSE_MS, this.#settleAll());
      // What is on its way to the journal may be acknowledged yet.
      isSettled = !this.#journal.isAppending;
    } catch {
      // It stays in the journal, and the next process will bring it there.
    }
    clearTimeout(this.#timer);
    this.#journal.close();
    try {
      await this.#file.close();
    } catch {
      return { isSettled, isReleased: false };
    }
    return { isSettled, isReleased: true };
  }

  async #settleAll(): Promise<void> {
    while (this.#journal.ended > this.#journal.settled) await this.#settle();
  }

  #record(table: number, key: string, value: Buffer | string | undefined): void {
    if (this.#entries === undefined) throw new Error("a write outside of a batch");
    // Found out by LMDB, it would be in the journal for good.
    if (key.length === 0 || key.length > MAX_KEY_OCTETS) throw new TypeError(`a key of ${key.length} octets`);
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

  /** What is larger than the journal's files, or finds no room in them: with all that the file lacks. */
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
    if (this.#isClosed || this.#file.failure !== undefined) return;
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
    // What LMDB has found out is not seen otherwise: a quota can be used up where the disk is not.
    const isTight = isNoRoom(this.#trouble);
    const freeOctets = await this.#options.room.look();
    const upTo = this.#journal.ended;
    if (upTo === this.#journal.settled && entries.length === 0) return;
    this.#journal.turn();
    for (const table of this.#numbered) table.settle();
    const [rows, pages] = [this.#unsettledRows, this.#unsettledPages];
    [this.#unsettledRows, this.#unsettledPages, this.#freshSinceMs] = [0, 0, undefined];
    this.#behindSinceMs ??= this.#now();
    try {
      await this.#settler.settle({ upTo, entries, pages, freeOctets: isTight ? 0 : freeOctets });
    } catch (err) {
      for (const table of this.#numbered) table.unsettled();
      this.#unsettledRows += rows;
      this.#unsettledPages += pages;
      this.#trouble = err;
      // First, for the next step may fail as well.
      if (this.#file.failure !== undefined) this.#options.onFailure(this.#file.failure);
      // The next process, if there must be one, does not know what this one has found out.
      if (isNoRoom(err)) await this.#options.room.reserve.giveUp().catch(() => undefined);
      throw err;
    }
    for (const table of this.#numbered) table.settled();
    this.#journal.settle(upTo);
    this.#behindSinceMs = this.#freshSinceMs;
    this.#trouble = undefined;
    if (this.#journal.ended > upTo) this.#settleLater();
  }

  /** What an earlier process has committed and not brought to the file. */
  #recover(): void {
    const left = this.#journal.takeLeft();
    for (const { entries } of left) {
      for (const { table, key, value } of entries) {
        this.#numbered[table]?.recover(key, value);
        this.#unsettledPages += pagesFor(value);
      }
      this.#unsettledRows += entries.length;
    }
    if (left.length === 0) return;
    this.#behindSinceMs = this.#now();
    this.#settleLater();
  }

  #identity(): string {
    const known = this.tables.meta.get("id");
    if (known !== undefined) return known.toString("latin1");
    const id = randomBytes(6).toString("hex");
    this.#file.transactionSync(() => this.tables.meta.put("id", id));
    return id;
  }
}

/** By the operating system's names, or by LMDB, which has only numbers. */
const NO_ROOM: readonly unknown[] = ["ENOSPC", "EDQUOT", constants.errno.ENOSPC, constants.errno.EDQUOT];
const isNoRoom = (err: unknown): boolean => err instanceof Error && "code" in err && NO_ROOM.includes(err.code);
