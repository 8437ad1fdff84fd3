import { BlockFile } from "../block-file.ts";
import { isInPlace, newestSnapshot, type Snapshot } from "../lmdb/meta-page.ts";
import { findInTree } from "../lmdb/tree.ts";
import { LookupDefer } from "../lookup-defer.ts";
import type { FileLookupType } from "../lookup-type.ts";

/** A writer commits twice while one key is looked up: that happens, but not so many times running. */
const MAX_ATTEMPTS = 20;

const openFailure = (path: string, problem: string): string =>
  `LMDB: Unable to open environment with ${path}: ${problem}`;

/**
 * A data file of the LMDB library (`MDB_NOSUBDIR`), its unnamed database. Keys are octets without a NUL at the end, data
 * comes back octet by octet. We read the format ourselves: npm's lmdb has another one, and dies of these files.
 *
 * Every lookup sees the newest commit. We are no reader that the writer knows of (that takes the lock file and shared
 * memory), hence the look afterwards whether the pages are still those of the state in which the search began.
 */
export const lmdb: FileLookupType = {
  name: "lmdb",
  style: "single-key",
  wants: "regular file",
  openFailure,
  async open(path) {
    const file = await BlockFile.open(path);
    const database = new Database(file);
    try {
      await database.snapshot();
    } catch (err) {
      await file.close();
      if (!(err instanceof LookupDefer)) throw err;
      // The library says this of a file that a writer has created and not begun.
      const problem = file.size === 0 ? "Bad file descriptor" : err.reason;
      throw new LookupDefer("lmdb", openFailure(path, problem), { isOpenFailure: true, cause: err });
    }
    return {
      async find(key) {
        const data = await database.find(Buffer.from(key, "latin1"));
        return data === undefined ? undefined : { data: data.toString("latin1") };
      },
      close: () => file.close(),
    };
  },
};

class Database {
  readonly #file: BlockFile;
  readonly #readNow: (at: number, octets: number) => Promise<Buffer>;
  /** The state whose pages the file's blocks are. */
  #blocksOf: Snapshot | undefined;

  constructor(file: BlockFile) {
    this.#file = file;
    this.#readNow = (at, octets) => file.readNow(at, octets);
  }

  async snapshot(): Promise<Snapshot> {
    const snapshot = await newestSnapshot(this.#readNow);
    if (this.#blocksOf?.meta.equals(snapshot.meta) !== true) this.#file.forget();
    this.#blocksOf = snapshot;
    return snapshot;
  }

  async find(key: Buffer): Promise<Buffer | undefined> {
    let problem: unknown;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const snapshot = await this.snapshot();
      let data: Buffer | undefined;
      problem = undefined;
      try {
        data = await findInTree((at, octets) => this.#file.read(at, octets), snapshot, key);
      } catch (err) {
        problem = err; // Of the file, or of a writer that was faster.
      }
      if (await isInPlace(this.#readNow, snapshot)) {
        if (problem !== undefined) throw problem;
        return data;
      }
      this.#blocksOf = undefined;
    }
    throw new LookupDefer("lmdb", "LMDB: the file changes too fast", { cause: problem });
  }
}
