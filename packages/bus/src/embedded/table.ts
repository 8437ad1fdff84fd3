import type { Database } from "lmdb";
import { Overlay, octetsOf } from "./overlay.ts";
import { AFTER_ALL, type Row, type RowRange } from "./row.ts";

interface TablePages {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

/** Where a table hands what is written to it: to the batch that runs. */
export type RecordWrite = (table: Table, key: string, value: Buffer | string | undefined) => void;

/**
 * A table, ordered by key: the last committed state, which is a named database of the LMDB file and what was committed since
 * that was last written. Reads are synchronous and do not wait.
 */
export class Table {
  readonly name: string;
  /** Entries, by our own account: kept by the group commit for the tables that hold items. */
  count: number;
  readonly #db: Database<Buffer, string>;
  readonly #record: RecordWrite;
  readonly #overlay = new Overlay();

  constructor(name: string, db: Database<Buffer, string>, record: RecordWrite) {
    this.name = name;
    this.#db = db;
    this.#record = record;
    const { entryCount } = this.#db.getStats() as { readonly entryCount: number };
    this.count = entryCount;
  }

  /** Of the pages that it has in the file. */
  octets(): number {
    const stats = this.#db.getStats() as TablePages;
    return (stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages) * stats.pageSize;
  }

  get(key: string): Buffer | undefined {
    if (!this.#overlay.has(key)) return this.#db.getBinary(key);
    const value = this.#overlay.get(key);
    return value === undefined ? undefined : octetsOf(value);
  }

  has(key: string): boolean {
    return this.#overlay.has(key) ? this.#overlay.get(key) !== undefined : this.#db.doesExist(key);
  }

  /** Must be walked through without waiting: an open cursor keeps old pages from being used again. */
  rows(range: RowRange): Iterable<Row> {
    const { start, end = AFTER_ALL, limit } = range;
    if (this.#overlay.isEmpty) return this.#db.getRange({ start, end, ...(limit === undefined ? {} : { limit }) });
    return this.#overlay.over(this.#db.getRange({ start, end }), range);
  }

  /** As `rows`. */
  keys(range: RowRange): Iterable<string> {
    const { start, end = AFTER_ALL, limit } = range;
    if (this.#overlay.isEmpty) return this.#db.getKeys({ start, end, ...(limit === undefined ? {} : { limit }) });
    return keysOf(this.#overlay.over(rowsOf(this.#db.getKeys({ start, end })), range));
  }

  /** The greatest one. */
  lastKey(): string | undefined {
    const ofOverlay = this.#overlay.lastKey();
    for (const key of this.#db.getKeys({ start: AFTER_ALL, end: "", reverse: true })) {
      if (ofOverlay !== undefined && ofOverlay > key) return ofOverlay;
      if (!this.#overlay.has(key)) return key;
    }
    return ofOverlay;
  }

  /** Only inside a batch of the store. */
  write(key: string, value: Buffer | string | undefined): void {
    this.#record(this, key, value);
  }

  /** The batch is committed. */
  apply(key: string, value: Buffer | string | undefined): void {
    this.#overlay.set(key, value);
  }

  /** As `apply`, for what an earlier process has committed: nobody has counted it yet. */
  recover(key: string, value: Buffer | string | undefined): void {
    this.count += Number(value !== undefined) - Number(this.has(key));
    this.apply(key, value);
  }

  /** What was committed until now is to be written to the file. `settled` or `unsettled` must follow. */
  settle(): void {
    this.#overlay.settle();
  }

  /** What is to be written. */
  get settling(): ReadonlyMap<string, Buffer | string | undefined> {
    return this.#overlay.settling;
  }

  /** It is on stable storage. */
  settled(): void {
    this.#overlay.settled();
  }

  /** Not all of it was written. */
  unsettled(): void {
    this.#overlay.unsettled();
  }

  /** Inside a transaction of the file. */
  put(key: string, value: Buffer | string | undefined): void {
    if (value === undefined) void this.#db.remove(key);
    // The package takes text as well as octets; its types say octets only.
    else void this.#db.put(key, value as Buffer);
  }
}

const NOTHING = Buffer.alloc(0);

function* rowsOf(keys: Iterable<string>): Generator<Row> {
  for (const key of keys) yield { key, value: NOTHING };
}

function* keysOf(rows: Iterable<Row>): Generator<string> {
  for (const { key } of rows) yield key;
}
