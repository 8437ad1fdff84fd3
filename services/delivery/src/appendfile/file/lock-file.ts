import { type FileHandle, link, open, rename, unlink } from "node:fs/promises";
import { constants } from "node:os";
import { systemError } from "../../system-error.ts";
import type { Folder } from "../folder.ts";
import { MailboxError, mailboxErrors } from "../mailbox-error.ts";
import type { MailboxJob } from "../mailbox-job.ts";
import { pause } from "../pause.ts";
import { isOfDeadProcess, type LockRecord, readLockRecord, writeLockRecord } from "./lock-record.ts";

const { EEXIST, ENOENT } = constants.errno;

/** The right to change a mailbox, until it is given back. */
export class MailboxLock {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #record: LockRecord;
  /** Where the mailbox ended when the process died that had the lock before; undefined: there is nothing to repair. */
  readonly torn: LockRecord["appends"];

  constructor(path: string, file: FileHandle, record: LockRecord, torn: LockRecord["appends"]) {
    this.#path = path;
    this.#file = file;
    this.#record = record;
    this.torn = torn;
  }

  /** Writes down what is to be cut off if we die before `settle`. */
  async begin(appends: NonNullable<LockRecord["appends"]>): Promise<void> {
    await writeLockRecord(this.#file, { ...this.#record, appends });
  }

  /** What was appended is there, and stays. */
  async settle(): Promise<void> {
    await writeLockRecord(this.#file, this.#record);
  }

  /** Leaves it to whoever comes next to cut off what was written; he need not wait. */
  async abandon(appends: NonNullable<LockRecord["appends"]>): Promise<void> {
    await writeLockRecord(this.#file, { ...this.#record, instance: "", appends });
    await this.#file.close();
  }

  async release(): Promise<void> {
    await this.#file.close();
    try {
      await unlink(this.#path);
    } catch (err) {
      // Taken for forgotten, and removed.
      if (systemError(err)?.errno !== ENOENT) throw err;
    }
  }
}

/**
 * Makes the lock file of a mailbox (Exim's manual, "Operational details for appending"): a file of a name of its own is linked
 * to `NAME.lock`, which works on network file systems as well.
 *
 * @throws {MailboxError} somebody else has it, after all retries.
 */
export async function lockMailbox(job: MailboxJob, folder: Folder, name: string): Promise<MailboxLock> {
  const { lockRetries, lockIntervalMs } = job.transport.settings;
  for (let tries = 1; ; tries++) {
    const lock = await tryLock(job, folder, name);
    if (lock !== undefined) return lock;
    if (tries >= lockRetries) throw lockFailure(`${folder.path}/${name}`);
    await pause(lockIntervalMs, job.attempt.work.signal);
  }
}

export const lockFailure = (path: string): MailboxError =>
  new MailboxError(mailboxErrors.lockFailed, `failed to lock mailbox ${path} (lock file)`);

async function tryLock(job: MailboxJob, folder: Folder, name: string): Promise<MailboxLock | undefined> {
  const { process: us, now } = job.deps;
  const lockName = `${name}.lock`;
  const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, "0");
  const post = `${lockName}.${job.hostName}.${hex(Math.floor(now() / 1000))}.${hex(us.pid)}`;
  const who = `(euid=${process.geteuid?.()} egid=${process.getegid?.()})`;
  job.doing = `creating lock file hitching post ${folder.path}/${post} ${who}`;
  const file = await open(folder.at(post), "wx+", job.transport.settings.lockfileMode);
  let isTaken = false;
  try {
    await writeLockRecord(file, us);
    const torn = await cleared(job, folder, lockName);
    isTaken = await linked(folder.at(post), folder.at(lockName), file);
    if (isTaken) return new MailboxLock(folder.at(lockName), file, us, torn);
    return undefined;
  } finally {
    await unlink(folder.at(post));
    if (!isTaken) await file.close();
  }
}

/** Over the network, the answer of a `link` that was done may be an error: the number of links tells. */
async function linked(post: string, lock: string, file: FileHandle): Promise<boolean> {
  try {
    await link(post, lock);
    return true;
  } catch (err) {
    if ((await file.stat()).nlink === 2) return true;
    if (systemError(err)?.errno === EEXIST) return false;
    throw err;
  }
}

/**
 * Takes away a lock file whose maker is gone: a process of ours that has died, or one that has forgotten it for longer than
 * `lockfile_timeout`.
 */
async function cleared(job: MailboxJob, folder: Folder, lockName: string): Promise<LockRecord["appends"]> {
  const { lockfileTimeoutMs } = job.transport.settings;
  let found: FileHandle;
  try {
    found = await open(folder.at(lockName), "r");
  } catch (err) {
    if (systemError(err)?.errno === ENOENT) return undefined;
    throw err;
  }
  try {
    const { ino, ctimeMs } = await found.stat();
    const record = await readLockRecord(found);
    const isOld = lockfileTimeoutMs > 0 && job.deps.now() - ctimeMs > lockfileTimeoutMs;
    if (!isOld && (record === undefined || !isOfDeadProcess(record, job.deps.process))) return undefined;
    return (await removed(folder, lockName, `${lockName}.${job.name}`.slice(0, MAX_NAME), ino))
      ? record?.appends
      : undefined;
  } finally {
    await found.close();
  }
}

const MAX_NAME = 255;

/** Two may have found the same one, and the faster of them has made its own by now: that one is put back. */
async function removed(folder: Folder, lockName: string, aside: string, inode: number): Promise<boolean> {
  try {
    await rename(folder.at(lockName), folder.at(aside));
  } catch (err) {
    if (systemError(err)?.errno === ENOENT) return false;
    throw err;
  }
  const file = await open(folder.at(aside), "r");
  const isTheSame = (await file.stat()).ino === inode;
  await file.close();
  if (!isTheSame) await link(folder.at(aside), folder.at(lockName)).catch(() => undefined);
  await unlink(folder.at(aside));
  return isTheSame;
}
