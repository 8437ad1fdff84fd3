import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BusUnavailableError } from "../bus-error.ts";
import { type DirectoryLock, lockDirectory } from "../directory-lock.ts";

/** Processes that can share a directory; far more than replicas on one disk. */
const SLOTS_MAX = 1_000;

/** A place for one process's journal. */
export interface JournalSlot {
  readonly path: string;
  readonly lock: DirectoryLock;
  /** Whose it was last: a process that has ended. */
  readonly dead?: string;
}

/** In a slot: the name of the process that has it. */
const HOLDER = "holder";

/**
 * The slots of a directory that no living process has: one that was free at least, and with it all that dead processes
 * have left behind. Replicas may share the directory, on one machine or on a common volume.
 *
 * @param holder Name of this process, as it stands in claims.
 * @throws {Error} the directory cannot be written.
 */
export async function takeSlots(directory: string, holder: string): Promise<[JournalSlot, ...JournalSlot[]]> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const there = (await readdir(directory)).filter((name) => /^\d{1,3}$/.test(name));
  const taken: JournalSlot[] = [];
  for (const name of there) {
    const slot = await take(join(directory, name));
    if (slot !== undefined) taken.push(slot);
  }
  for (let i = 0; taken[0] === undefined && i < SLOTS_MAX; i++) {
    if (there.includes(String(i))) continue;
    await mkdir(join(directory, String(i)), { recursive: true, mode: 0o700 });
    const slot = await take(join(directory, String(i)));
    if (slot !== undefined) taken.push(slot);
  }
  const [own, ...others] = taken;
  if (own === undefined) throw new Error(`${directory}: all ${SLOTS_MAX} slots are in use`);
  // In the others the names of the dead stay: this process lives on without them.
  await writeFile(join(dirname(own.path), HOLDER), holder, { mode: 0o600 });
  return [own, ...others];
}

async function take(slot: string): Promise<JournalSlot | undefined> {
  let lock: DirectoryLock;
  try {
    lock = await lockDirectory(slot);
  } catch (err) {
    if (err instanceof BusUnavailableError) return undefined;
    throw err;
  }
  const dead = await readFile(join(slot, HOLDER), "utf8").catch(() => undefined);
  return { path: join(slot, "outcomes"), lock, ...(dead === undefined ? {} : { dead }) };
}
