import type { JournalEntry } from "./journal-record.ts";
import type { Room } from "./room.ts";
import { pagesFor, roomFor, settlingSteps } from "./settling-steps.ts";
import type { Table } from "./table.ts";
import type { Tables } from "./tables.ts";
import type { TablesFile } from "./tables-file.ts";

/** In the table of words about the file: the number of the last record of the journal that is in the file. */
export const SETTLED = "settled";

interface SettlerDeps {
  readonly file: TablesFile;
  readonly tables: Tables;
  /** By their numbers in the journal. */
  readonly numbered: readonly Table[];
  readonly room: Room;
  /** Octets of the file that hold nothing. */
  readonly free: () => number;
}

interface Settlement {
  /** Number of the last record of the journal that is in what the tables have to settle. */
  readonly upTo: number;
  /** What is in no record, and comes on top: all of it with that number, or nothing. */
  readonly entries: readonly JournalEntry[];
  /** That the tables may need. */
  readonly pages: number;
  /** Left on the disk. */
  readonly freeOctets: number;
}

/** Writes what the tables have to settle to their file: in one transaction, or where the disk is nearly full in many. */
export class Settler {
  readonly #deps: SettlerDeps;

  constructor(deps: SettlerDeps) {
    this.#deps = deps;
  }

  /** When it rejects, any part of what the tables have may be in the file; until the number is, the journal counts. */
  async settle(settlement: Settlement): Promise<void> {
    const { entries, pages, freeOctets, upTo } = settlement;
    const needed = roomFor(pages + pagesOf(entries));
    if (needed > freeOctets) return this.#settleInSteps(entries, upTo);
    const { file, numbered } = this.#deps;
    await file.transaction(() => {
      for (const table of numbered) for (const [key, value] of table.settling) table.put(key, value);
      this.#finish(entries, upTo);
    });
  }

  /** In parts that need little room, of which the first ones make some. */
  async #settleInSteps(entries: readonly JournalEntry[], upTo: number): Promise<void> {
    const { file, numbered, room, free } = this.#deps;
    const rows = numbered.flatMap(({ settling }, table) =>
      Array.from(settling, ([key, value]): JournalEntry => ({ table, key, value })),
    );
    for (const step of settlingSteps(rows)) {
      await room.need(roomFor(pagesOf(step)), free());
      await file.transaction(() => this.#put(step));
    }
    await room.need(roomFor(pagesOf(entries) + 1), free());
    await file.transaction(() => this.#finish(entries, upTo));
  }

  #finish(entries: readonly JournalEntry[], upTo: number): void {
    this.#put(entries);
    this.#deps.tables.meta.put(SETTLED, String(upTo));
  }

  #put(entries: readonly JournalEntry[]): void {
    for (const { table, key, value } of entries) this.#deps.numbered[table]?.put(key, value);
  }
}

const pagesOf = (entries: readonly JournalEntry[]): number =>
  entries.reduce((sum, { value }) => sum + pagesFor(value), 0);
