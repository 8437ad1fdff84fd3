import { statSync } from "node:fs";
import { open, rename, truncate, unlink } from "node:fs/promises";
import { join } from "node:path";

/**
 * What the tables' file may need for all that the journal can hold (8 MiB), at two octets for one: a row takes up whole pages
 * where it is large, and half of them where pages are split.
 */
export const RESERVE_OCTETS = 16 * 1024 * 1024;
const PART_OCTETS = 1024 * 1024;
/** What the next process needs to open the bus: while this one lives, so much of it is kept. */
export const ROOM_TO_OPEN_OCTETS = 1024 * 1024;
const NAME = "reserve";

/**
 * A file that holds nothing but room on the disk. Where the disk is full, whoever filled it, it is given up, so that what was
 * accepted gets into its tables and what was delivered out of them; LMDB needs new pages for either. It is made again when
 * there is room.
 */
export class Reserve {
  readonly #path: string;
  #isThere: boolean;
  #making: Promise<void> | undefined;
  #isStopped = false;

  constructor(directory: string) {
    this.#path = join(directory, NAME);
    this.#isThere = statSync(this.#path, { throwIfNoEntry: false })?.size === RESERVE_OCTETS;
  }

  get isThere(): boolean {
    return this.#isThere;
  }

  async giveUp(): Promise<void> {
    this.#isThere = false;
    await unlessMissing(truncate(this.#path, ROOM_TO_OPEN_OCTETS));
  }

  /** What an earlier process has left of it, too. */
  async giveUpAll(): Promise<void> {
    this.#isThere = false;
    await unlessMissing(unlink(this.#path));
  }

  /** In the background, if it is not there and the disk has more than enough room. */
  makeIfRoom(freeOctets: number): void {
    if (this.#isThere || this.#isStopped || freeOctets < 2 * RESERVE_OCTETS) return;
    this.#making ??= this.#make()
      // The disk is fuller than it seemed, or fails, which the commits will tell; the next look tries again.
      .catch(() => unlink(`${this.#path}.new`).catch(() => undefined))
      .finally(() => {
        this.#making = undefined;
      });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#making;
  }

  async #make(): Promise<void> {
    const file = await open(`${this.#path}.new`, "w", 0o600);
    try {
      const part = Buffer.alloc(PART_OCTETS);
      // Octets, not a hole: a hole takes up no room.
      for (let done = 0; done < RESERVE_OCTETS && !this.#isStopped; done += PART_OCTETS) await file.writeFile(part);
      if (!this.#isStopped) await file.datasync();
    } finally {
      await file.close();
    }
    if (this.#isStopped) return unlink(`${this.#path}.new`);
    await rename(`${this.#path}.new`, this.#path);
    this.#isThere = true;
  }
}

async function unlessMissing(done: Promise<void>): Promise<void> {
  try {
    await done;
  } catch (err) {
    if (!(err instanceof Error && "code" in err && err.code === "ENOENT")) throw err;
  }
}
