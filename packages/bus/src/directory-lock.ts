import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { BusUnavailableError } from "./bus-error.ts";

/** SQLite's SQLITE_BUSY: somebody else has the lock. */
const SQLITE_BUSY = 5;

export interface DirectoryLock {
  release(): void;
}

/**
 * Makes sure that one process at a time uses the directory.
 *
 * An empty SQLite file is held in an exclusive transaction: that is a POSIX record lock, the one operating-system lock
 * which Node.js can take without native code of ours. The kernel lets go of it when the process ends, however it ends,
 * and it holds across containers that share the directory; a file with a process id in it would do neither.
 *
 * @throws {BusUnavailableError} naming the directory and the process that has it.
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const holder = join(directory, "lock.pid");
  const lock = new DatabaseSync(join(directory, "lock"), { timeout: 0 });
  try {
    // Otherwise SQLite makes a file beside it first, for which a full disk has no room.
    lock.exec("PRAGMA journal_mode = MEMORY");
    lock.exec("BEGIN EXCLUSIVE");
  } catch (err) {
    lock.close();
    if (!(err instanceof Error && "errcode" in err && err.errcode === SQLITE_BUSY)) throw err;
    throw new BusUnavailableError(`${directory} is in use by ${holderOf(holder)}`, { cause: err });
  }
  try {
    // Only for the words of the other process's message; the lock does not depend on it.
    await writeFile(holder, `${process.pid}\n`, { mode: 0o600 });
  } catch (err) {
    if (!isFull(err)) {
      lock.close();
      throw err;
    }
  }
  return { release: () => lock.close() };
}

const isFull = (err: unknown): boolean =>
  err instanceof Error && "code" in err && (err.code === "ENOSPC" || err.code === "EDQUOT");

function holderOf(path: string): string {
  try {
    const pid = Number.parseInt(readFileSync(path, "latin1"), 10);
    if (Number.isInteger(pid)) return `process ${pid}`;
  } catch {
    // Not written yet, or not for our eyes: the message goes without the number.
  }
  return "another process";
}
