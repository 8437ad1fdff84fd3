import { closeSync, fdatasyncSync, openSync } from "node:fs";
import { join } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import { within } from "./within.ts";

/** Address space, not memory and not disk: the file grows as it needs, and so does the map when this is used up. */
const MAP_OCTETS = 64 * 1024 ** 3;
/** So long a disk may take to let go of the file; what is left then is the end of the process. */
const CLOSE_MS = 5_000;

/** Room for the package's line about a page. */
const LINE_OCTETS = 104;

/** Name of the file while a process has it; without one, and with an empty journal, it is `data.mdb` (`directory.ts`). */
export const TABLES_NAME = "tables.mdb";

/** Keys as their Latin-1 octets: readable with any LMDB tool, in plain octet order, cheaper than the package's own encoding. */
const latin1Keys = {
  writeKey: (key: string, target: Buffer, start: number): number => start + target.write(key, start, "latin1"),
  readKey: (source: Buffer, start: number, end: number): string => source.toString("latin1", start, end),
};
const OPTIONS = { encoding: "binary", keyEncoder: latin1Keys } as const;

/**
 * The LMDB file. A transaction is written as LMDB does it by default: pages that nobody refers to yet, a sync, then the
 * root that refers to them, synced as well. So there is no moment at which a power failure leaves anything but the state
 * before or the state behind it.
 */
export class TablesFile {
  readonly #root: RootDatabase<Buffer, string>;
  #failure: Error | undefined;

  /** @throws the operating system's error, or that of LMDB. */
  constructor(directory: string) {
    const path = join(directory, TABLES_NAME);
    this.#root = open<Buffer, string>({
      ...OPTIONS,
      path,
      maxDbs: 16,
      mapSize: MAP_OCTETS,
      // The promise of a batch resolves after the sync, not before it. Cannot be changed once a file was made without.
      overlappingSync: false,
      // One batch = one transaction; who puts what into it is decided in `store.ts`.
      eventTurnBatching: false,
      // Pages are not zeroed before use: the file may hold old octets of mail, which it holds anyway.
      noMemInit: true,
    });
    synced(path);
  }

  /** Why nothing can be read or written any more. LMDB has no way back but to open the file again, in another process. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  open(name: string): Database<Buffer, string> {
    return this.#root.openDB<Buffer, string>(name, OPTIONS);
  }

  /** Octets of the file that are in use, free pages included. */
  size(): number {
    const stats = this.#root.getStats() as { readonly lastPageNumber: number; readonly pageSize: number };
    return (stats.lastPageNumber + 1) * stats.pageSize;
  }

  /**
   * On stable storage when it resolves, nothing of it when it rejects; but where `failure` is set then, nobody knows. (The
   * package executes a batch as a block in which its writing thread may not commit. Only a synchronous transaction could
   * split it, and there is none after the tables are open.)
   */
  async transaction(write: () => void): Promise<void> {
    this.#probe();
    try {
      await this.#root.batch(write);
    } catch (err) {
      const cause = await causeOf(err);
      if (hasOverrun(cause)) this.#failure = cause;
      try {
        this.#probe();
      } catch {
        // It is remembered; what has led to it says more.
      }
      throw cause;
    }
  }

  /** Only before the first `transaction`. */
  transactionSync(write: () => void): void {
    this.#root.transactionSync(write);
  }

  /** @throws the disk has not answered in time. */
  async close(): Promise<void> {
    await within(CLOSE_MS, this.#root.close());
  }

  /**
   * After a root could not be written LMDB refuses everything (MDB_PANIC). A read says so; a transaction would not, for its
   * promise is never settled then.
   */
  #probe(): void {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      // One that was begun before it happened would not know.
      this.#root.resetReadTxn();
      this.#root.getStats();
    } catch (err) {
      this.#failure = err instanceof Error ? err : new Error(String(err));
      throw this.#failure;
    }
  }
}

/**
 * The process before may have been killed while the root that LMDB finds was on its way to the disk. Until it is there, the
 * journal has what the root stands for, and must not be used again.
 */
function synced(path: string): void {
  const file = openSync(path, "r+");
  try {
    fdatasyncSync(file);
  } finally {
    closeSync(file);
  }
}

/**
 * Where a page cannot be written the package puts a line about it into 100 octets of memory, of which it gets 104, whatever the
 * line's length. With what lies behind them written over no process should go on.
 */
const hasOverrun = (err: unknown): err is Error =>
  err instanceof Error && (/Attempting to write page .*/.exec(err.message)?.[0].length ?? 0) >= LINE_OCTETS;

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
