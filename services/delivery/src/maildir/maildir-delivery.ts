import { constants as fsConstants, open, readdir, rename } from "node:fs/promises";
import { constants } from "node:os";
import type { MailboxJob } from "../appendfile/mailbox-job.ts";
import type { Room } from "../appendfile/quota/check-quota.ts";
import { directoryQuota } from "../appendfile/quota/directory-quota.ts";
import { removeIfThere } from "../appendfile/remove-if-there.ts";
import { writeMessage } from "../appendfile/write-message.ts";
import { systemError } from "../system-error.ts";
import { type MaildirFolders, openMaildir } from "./maildir-folders.ts";
import { maildirTag } from "./maildir-tag.ts";

const { ENOENT } = constants.errno;
const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = fsConstants;

/**
 * Puts a message into a Maildir.
 *
 * A second run of the same item (after a crash) writes the same name: what the first run finished is found, in `new`
 * or, when a reader has seen it, in `cur`, and not written again.
 *
 * @returns what the mailbox has come to hold; undefined: nothing was written, or nobody wants to know.
 */
export async function deliverToMaildir(job: MailboxJob, directory: string): Promise<Room | undefined> {
  const { known } = job.deps;
  const wasKnown = known.has(directory);
  try {
    return await deliverIn(job, directory);
  } catch (err) {
    // Somebody has removed the mailbox since we made sure of it.
    if (!wasKnown || systemError(err)?.errno !== ENOENT) throw err;
    known.delete(directory);
    return deliverIn(job, directory);
  }
}

async function deliverIn(job: MailboxJob, directory: string): Promise<Room | undefined> {
  await using folders = await openMaildir(job, directory, job.transport.settings.createsDirectory);
  if (job.isRepeated && (await isThere(job, folders))) return undefined;
  const quota = await directoryQuota(job, {
    folder: folders.base,
    temporary: folders.tmp,
    readIn: folders.new,
    path: `tmp/${job.name}`,
  });
  const written = await deliver(job, folders);
  await quota.delivered(written);
  return quota.room && { ...quota.room, written };
}

/** Whether an earlier run got so far. Readers append flags to the name. */
async function isThere(job: MailboxJob, folders: MaildirFolders): Promise<boolean> {
  for (const folder of [folders.new, folders.cur]) {
    job.doing = `failed to read ${folder.path}`;
    const names = await readdir(folder.at("."));
    if (names.some((name) => name.startsWith(job.name) && !/^[0-9A-Za-z]/.test(name.slice(job.name.length))))
      return true;
  }
  return false;
}

/** @returns octets written, which are on stable storage. */
async function deliver(job: MailboxJob, folders: MaildirFolders): Promise<number> {
  // Not the final name: a process that was paused in the middle may still write to a file of its own.
  const temporary = `${job.name}.P${process.pid}H${job.attempt.work.handedOut}`;
  try {
    const size = await write(job, folders, temporary);
    const name = `${job.name}${await maildirTag(job, size)}`;
    job.mustBeHeld();
    job.doing = `failed to rename "${folders.tmp.path}/${temporary}" as "${folders.new.path}/${name}"`;
    await rename(folders.tmp.at(temporary), folders.new.at(name));
    await folders.new.sync();
    return size;
  } catch (err) {
    await removeIfThere(folders.tmp.at(temporary));
    throw err;
  }
}

async function write(job: MailboxJob, { tmp }: MaildirFolders, name: string): Promise<number> {
  const { mode } = job.transport.settings;
  job.doing = `while creating file ${tmp.path}/${name}`;
  await using file = await open(tmp.at(name), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode);
  if (mode !== DEFAULT_MODE) await file.chmod(mode);
  if (job.owner !== undefined) await file.chown(job.owner.uid, job.owner.gid);
  job.doing = `error while writing to ${tmp.path}/${name}`;
  const size = await writeMessage(job, file);
  await file.datasync();
  return size;
}

/** What it is without asking: no umask takes the owner's rights away. */
const DEFAULT_MODE = 0o600;
