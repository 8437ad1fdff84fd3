import { link, lstat, readdir, unlink } from "node:fs/promises";
import { constants } from "node:os";
import { systemError } from "../../system-error.ts";
import type { Folder } from "../folder.ts";
import { holdsMessage } from "../holds-message.ts";
import { MailboxError, mailboxErrors } from "../mailbox-error.ts";
import type { MailboxJob } from "../mailbox-job.ts";
import { pause } from "../pause.ts";
import type { Room } from "../quota/check-quota.ts";
import { directoryQuota } from "../quota/directory-quota.ts";
import { statIfThere } from "../quota/directory-usage.ts";
import { removeIfThere } from "../remove-if-there.ts";
import { writeMessage } from "../write-message.ts";
import { newFile } from "./new-file.ts";

const { EEXIST } = constants.errno;
/** Exim's manual, "directory_file": how often, and with what pause, a name is tried that is taken. */
const TRIES = 5;
const PAUSE_MS = 1_000;

/**
 * Makes a file of a message, with a name that the policy gives (`directory_file`).
 *
 * A second run looks whether one of the files that are younger than its work item has the message.
 */
export async function deliverAsFile(job: MailboxJob, folder: Folder): Promise<Room | undefined> {
  const temporary = `temp.${job.name}`;
  if (job.isRepeated && (await isThere(job, folder, temporary))) return undefined;
  const quota = await directoryQuota(job, { folder, path: `${folder.path}/${temporary}` });
  const written = await newFile(job, folder, temporary, (file) => writeMessage(job, file));
  try {
    job.mustBeHeld();
    await place(job, folder, temporary);
  } finally {
    await removeIfThere(folder.at(temporary));
  }
  await folder.sync();
  await quota.delivered(written);
  return quota.room && { ...quota.room, written };
}

async function place(job: MailboxJob, folder: Folder, temporary: string): Promise<void> {
  const { ino } = await lstat(folder.at(temporary));
  for (let tries = 1; ; tries++) {
    const name = await finalName(job, ino);
    job.doing = `while renaming ${folder.path}/${temporary} as ${folder.path}/${name}`;
    try {
      await link(folder.at(temporary), folder.at(name));
      return;
    } catch (err) {
      if (tries >= TRIES || systemError(err)?.errno !== EEXIST) throw err;
    }
    await pause(PAUSE_MS, job.attempt.work.signal);
  }
}

async function finalName(job: MailboxJob, inode: number): Promise<string> {
  const noun = `(directory_file for ${job.transport.name} transport)`;
  const name = (await job.text("directory_file", noun, { inode })) ?? "";
  if (name === "" || name.includes("/") || name.includes("\0") || /^\.{1,2}$/.test(name)) {
    throw new MailboxError(mailboxErrors.unknown, `directory_file: "${name}" is no name of a file`);
  }
  return name;
}

/** Files that are looked at after a crash; more have hardly come since. */
const MAX_LOOKED_AT = 1_000;

async function isThere(job: MailboxJob, folder: Folder, temporary: string): Promise<boolean> {
  job.doing = `failed to read ${folder.path}`;
  let looked = 0;
  for (const name of await readdir(folder.at("."))) {
    if (name.startsWith("temp.")) continue;
    const found = await statIfThere(folder.at(name));
    if (found === undefined || !found.isFile() || found.mtimeMs < job.attempt.item.queuedAtMs - PAUSE_MS) continue;
    if (++looked > MAX_LOOKED_AT) return false;
    if (await holdsMessage(job, folder.at(name))) {
      await unlink(folder.at(temporary)).catch(() => undefined);
      return true;
    }
  }
  return false;
}
