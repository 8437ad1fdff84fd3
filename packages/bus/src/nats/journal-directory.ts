import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Content } from "@postbus/contracts";
import type { Outcome } from "../bus.ts";
import { type DirectoryLock, lockDirectory } from "../directory-lock.ts";
import { type Left, OutcomeJournal } from "../outcome-journal.ts";
import { pendingLinesIn } from "../pending-lines.ts";

/** Processes that can share a directory; far more than replicas on one disk. */
const SLOTS_MAX = 1_000;
const JOURNAL = "outcomes";

/**
 * The journals of the processes that share a directory, living and dead, one in a slot each: what any of them did with
 * an item is known to all.
 *
 * Each writes in its own slot only, the first that no living process has. An item is looked up in the slots of the others
 * when it may have been in other hands.
 */
export class JournalDirectory {
  readonly #directory: string;
  readonly #own: string;
  readonly #lock: DirectoryLock;
  readonly #journal: OutcomeJournal;
  #isClosed = false;

  /** @throws {Error} the directory cannot be written. */
  static async open(directory: string): Promise<JournalDirectory> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    for (let i = 0; i < SLOTS_MAX; i++) {
      const own = String(i);
      await mkdir(join(directory, own), { recursive: true, mode: 0o700 });
      const lock = await lockIfFree(join(directory, own));
      if (lock === undefined) continue;
      try {
        return new JournalDirectory(directory, own, lock);
      } catch (err) {
        lock.release();
        throw err;
      }
    }
    throw new Error(`${directory}: all ${SLOTS_MAX} slots are in use`);
  }

  private constructor(directory: string, own: string, lock: DirectoryLock) {
    this.#directory = directory;
    this.#own = own;
    this.#lock = lock;
    this.#journal = new OutcomeJournal({ path: join(directory, own, JOURNAL) });
  }

  /** As `OutcomeJournal` has it. */
  write(id: string, messageId: string, outcome: Outcome): void {
    this.#journal.write(id, messageId, outcome);
  }

  /** As `WorkItem` has it. */
  remember(id: string, done: object): void {
    this.#journal.remember(id, done);
  }

  end(id: string): void {
    this.#journal.end(id);
  }

  /** What this process, or the one that had its slot before, did with an item and could not get stored. */
  left(id: string, messageId: string, content: Content): Left | undefined {
    return this.#journal.left(id, messageId, content);
  }

  /** The lines of these items in the journals of others, by id. What cannot be read is as if it were not there. */
  async elsewhere(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>();
    const slots = await readdir(this.#directory).catch(() => []);
    for (const slot of slots) {
      if (slot === this.#own) continue;
      const text = await readFile(join(this.#directory, slot, JOURNAL), "utf8").catch(() => "");
      if (!ids.some((id) => text.includes(id))) continue;
      const pending = pendingLinesIn(text);
      for (const id of ids) {
        const line = pending.get(id);
        if (line !== undefined) found.set(id, line);
      }
    }
    return found;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#journal.close();
    this.#lock.release();
  }
}

/** @returns undefined if a living process has it, or it is of no use: there are others. */
const lockIfFree = (slot: string): Promise<DirectoryLock | undefined> => lockDirectory(slot).catch(() => undefined);
