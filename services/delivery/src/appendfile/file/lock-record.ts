import type { FileHandle } from "node:fs/promises";
import { constants } from "node:os";
import { systemError } from "../../system-error.ts";
import type { ProcessName } from "../mailbox-deps.ts";

/**
 * What stands in a lock file of ours: who has made it, and, while a message is being appended, where the mailbox ended before. So
 * whoever finds it after a crash knows whether it is still somebody's, and what is half a message.
 */
export interface LockRecord extends ProcessName {
  /** Inode of the mailbox, and its size before; absent while nothing is written. */
  readonly appends?: { readonly inode: number; readonly size: number };
}

/** Ours are shorter by far; others' may be anything. */
const MAX_OCTETS = 1_000;
const FORMAT = "postbus-lock-1 ";

export async function writeLockRecord(file: FileHandle, record: LockRecord): Promise<void> {
  const octets = Buffer.from(`${FORMAT}${JSON.stringify(record)}\n`);
  await file.truncate(0);
  await file.write(octets, 0, octets.length, 0);
}

/** @returns undefined: it is no lock file of ours, or one in which nothing stands yet. */
export async function readLockRecord(file: FileHandle): Promise<LockRecord | undefined> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_OCTETS), 0, MAX_OCTETS, 0);
  const text = buffer.toString("utf8", 0, bytesRead);
  if (!text.startsWith(FORMAT) || !text.endsWith("\n")) return undefined;
  try {
    const record: unknown = JSON.parse(text.slice(FORMAT.length));
    return isRecord(record) ? record : undefined;
  } catch {
    return undefined; // Somebody else's, by its looks ours.
  }
}

function isRecord(value: unknown): value is LockRecord {
  if (typeof value !== "object" || value === null) return false;
  const { host, pid, instance, appends } = value as Partial<LockRecord>;
  if (typeof host !== "string" || !Number.isInteger(pid) || typeof instance !== "string") return false;
  return appends === undefined || (Number.isInteger(appends.inode) && Number.isInteger(appends.size));
}

/** Whether whoever has made a lock file has given it up, or is a process that is known to be gone. Of another machine's nothing is known. */
export function isOfDeadProcess({ host, pid, instance }: LockRecord, us: ProcessName): boolean {
  if (instance === "") return true;
  if (host !== us.host) return false;
  if (pid === us.pid) return instance !== us.instance;
  try {
    process.kill(pid, 0);
    return false;
  } catch (err) {
    return systemError(err)?.errno === constants.errno.ESRCH;
  }
}
