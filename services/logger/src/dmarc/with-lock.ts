import { open, stat, unlink } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

/** Who holds it needs some milliseconds; who holds it so long is dead. */
const STALE_MS = 30_000;
const POLL_MS = 10;

/**
 * Runs something that others, also in other processes, do not do at the same time. A lock whose holder has died is taken after
 * half a minute: should two find that at once, or its holder only have slept, they may both go on.
 *
 * @param path Of a file that is there meanwhile.
 */
export async function withLock(path: string, run: () => Promise<void>): Promise<void> {
  while (!(await isMade(path))) {
    if (await isStale(path)) await remove(path);
    else await delay(POLL_MS);
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

async function isStale(path: string): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(path);
    // The clock of a file server may be another one.
    return Math.abs(Date.now() - mtimeMs) > STALE_MS;
  } catch (err) {
    if (isCode(err, "ENOENT")) return false;
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
