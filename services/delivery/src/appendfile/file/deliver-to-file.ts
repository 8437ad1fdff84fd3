import type { FileHandle } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { type Folder, openFolder } from "../folder.ts";
import { holdsMessage } from "../holds-message.ts";
import type { MailboxJob } from "../mailbox-job.ts";
import { mayCreate } from "../may-create.ts";
import { checkQuota, type Room } from "../quota/check-quota.ts";
import { type Limits, readLimits } from "../quota/limits.ts";
import { writeMessage } from "../write-message.ts";
import { cutTorn } from "./cut-torn.ts";
import { lockFailure, lockMailbox, type MailboxLock } from "./lock-file.ts";
import { openMailbox } from "./open-mailbox.ts";

/**
 * Appends a message to a file, under its lock. What is appended is there whole or not at all: of a process that dies, whoever takes
 * the lock next cuts it off; of a run whose end was not recorded, the next finds it.
 *
 * @returns what the mailbox has come to hold; undefined: nothing was written.
 */
export async function deliverToFile(job: MailboxJob, path: string): Promise<Room | undefined> {
  const { settings } = job.transport;
  const isAllowed = await mayCreate(job, path);
  const limits = await readLimits(job);
  await using folder = await openFolder(job, dirname(path), settings.createsDirectory && isAllowed);
  const name = basename(path);
  const late = () => lockFailure(path);
  const patienceMs = settings.lockRetries * settings.lockIntervalMs;
  const { signal } = job.attempt.work;
  return await job.deps.turns.take(path, { patienceMs, signal, late }, async () => {
    const lock = await lockMailbox(job, folder, name);
    let isAbandoned = false;
    try {
      if (lock.torn !== undefined) await cutTorn(folder, name, lock.torn, settings);
      return await append(job, folder, name, {
        isAllowed,
        limits,
        lock,
        abandon: async (appends) => {
          isAbandoned = true;
          await lock.abandon(appends);
        },
      });
    } finally {
      if (!isAbandoned) await lock.release();
    }
  });
}

interface AppendOptions {
  readonly isAllowed: boolean;
  readonly limits: Limits | undefined;
  readonly lock: MailboxLock;
  readonly abandon: MailboxLock["abandon"];
}

async function append(
  job: MailboxJob,
  folder: Folder,
  name: string,
  { isAllowed, limits, lock, abandon }: AppendOptions,
): Promise<Room | undefined> {
  const { file, before, isNew } = await openMailbox(job, folder, name, isAllowed);
  try {
    const isFile = before.isFile();
    if (job.isRepeated && isFile && !isNew && (await holdsMessage(job, folder.at(name)))) return undefined;
    const path = `${folder.path}/${name}`;
    const usage = { size: before.size, files: 1 };
    const room = limits && (await checkQuota(job, limits, () => usage, { path, readAtMs: () => before.atimeMs }));
    job.mustBeHeld();
    const appends = { inode: before.ino, size: before.size };
    if (isFile) await lock.begin(appends);
    job.doing = `while writing to ${path}`;
    const written = await writeOrUndo(job, file, isFile ? { appends, abandon } : undefined);
    if (isFile) {
      // Programs that tell of new mail compare the time of the last look with that of the last change.
      await file.utimes(before.atimeMs / 1000, job.deps.now() / 1000);
      if (isNew) await folder.sync();
      await lock.settle();
    }
    return room && { ...room, written };
  } finally {
    await file.close();
  }
}

/** All of it on stable storage, or the file as it was. A pipe has no end to go back to. */
async function writeOrUndo(
  job: MailboxJob,
  file: FileHandle,
  undo: { appends: { inode: number; size: number }; abandon: MailboxLock["abandon"] } | undefined,
): Promise<number> {
  try {
    const size = await writeMessage(job, file);
    if (undo !== undefined) await file.datasync();
    return size;
  } catch (err) {
    if (undo === undefined) throw err;
    const { appends, abandon } = undo;
    try {
      await file.truncate(appends.size);
    } catch {
      await abandon(appends);
    }
    throw err;
  }
}
