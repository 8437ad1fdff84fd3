import { lstat, open, unlink } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

/** Who holds it needs some milliseconds; who holds it so long is dead. */
const STALE_MS = 30_000;
const POLL_MS = 10;

/**
 * Runs something that others, also in other processes and on other machines, do not do at the same time. A lock that stays as
 * it is for half a minute is taken, since its holder has died: should two find that at once, or its holder only have slept,
 * they may both go on.
 *
 * @param path Of a file that is there meanwhile.
 */
export async function withLock(path: string, run: () => Promise<void>, staleMs: number = STALE_MS): Promise<void> {
  let seen: { readonly lock: string; readonly sinceMs: number } | undefined;
  while (!(await isMade(path))) {
    const lock = await identityOf(path);
    // By our own clock: that of a file server may be another one.
    if (lock === undefined || seen?.lock !== lock) seen = { lock: lock ?? "", sinceMs: performance.now() };
    else if (performance.now() - seen.sinceMs > staleMs) await remove(path);
    await delay(POLL_MS);
  }
  try {
    await run();
  } finally {
    await remove(path);
  }
}

async function isMade(path: string): Promise<boolean> {
  try {
    const handle = await open(path, "wx", 0o640);
    await handle.close();
    return true;
  } catch (err) {
    if (isCode(err, "EEXIST")) return false;
    throw err;
  }
}

/** @returns undefined: it is gone. */
async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { ino, mtimeMs } = await lstat(path);
    return `${ino} ${mtimeMs}`;
  } catch (err) {
    if (isCode(err, "ENOENT")) return undefined;
    throw err;
  }
}

async function remove(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (err) {
    // Somebody has taken it for that of a dead one.
    if (!isCode(err, "ENOENT")) throw err;
  }
}

const isCode = (err: unknown, code: string): boolean => err instanceof Error && "code" in err && err.code === code;
