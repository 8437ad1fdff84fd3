import type { Database } from "lmdb";

/** Behind every key that starts with a given text: keys are Latin-1, one octet a character. */
export const AFTER_ALL = "\xff";

/** Keys as their Latin-1 octets: readable with any LMDB tool, in plain octet order, cheaper than the package's own encoding. */
export const latin1Keys = {
  writeKey: (key: string, target: Buffer, start: number): number => start + target.write(key, start, "latin1"),
  readKey: (source: Buffer, start: number, end: number): string => source.toString("latin1", start, end),
};

export interface Row {
  readonly key: string;
  readonly value: Buffer;
}

interface TablePages {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

export interface RowRange {
  /** First key; inclusive. */
  readonly start: string;
  /** Exclusive. */
  readonly end?: string;
  readonly limit?: number;
  readonly reverse?: boolean;
}

/** A named database of the LMDB file: the last committed state, ordered by key. Reads are synchronous and do not wait. */
export class Table {
  readonly name: string;
  /** Entries, by our own account: kept by the group commit for the tables that hold items. */
  count: number;
  readonly #db: Database<Buffer, string>;

  constructor(name: string, db: Database<Buffer, string>) {
    this.name = name;
    this.#db = db;
    const { entryCount } = db.getStats() as { readonly entryCount: number };
    this.count = entryCount;
  }

  /** Of the pages that it has in the file. */
  octets(): number {
    const stats = this.#db.getStats() as TablePages;
    return (stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages) * stats.pageSize;
  }

  get(key: string): Buffer | undefined {
    return this.#db.getBinary(key);
  }

  has(key: string): boolean {
    return this.#db.doesExist(key);
  }

  /** Must be walked through without waiting: an open cursor keeps old pages from being used again. */
  rows({ start, end = AFTER_ALL, ...more }: RowRange): Iterable<Row> {
    return this.#db.getRange({ start, end, ...more });
  }

  keys({ start, end = AFTER_ALL, ...more }: RowRange): Iterable<string> {
    return this.#db.getKeys({ start, end, ...more });
  }

  /** Only inside a batch of the environment. */
  write(key: string, value: Buffer | string | undefined): void {
    if (value === undefined) void this.#db.remove(key);
    // The package takes text as well as octets; its types say octets only.
    else void this.#db.put(key, value as Buffer);
  }
}
