import type { Stats } from "node:fs";
import { chmod, constants, type FileHandle, lstat, open, stat } from "node:fs/promises";
import { constants as osConstants } from "node:os";
import { systemError } from "../../system-error.ts";
import type { Folder } from "../folder.ts";
import { MailboxError, mailboxErrors } from "../mailbox-error.ts";
import type { MailboxJob } from "../mailbox-job.ts";
import { mayWrite, ownOwner } from "../owner.ts";

const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;
const { ENOENT, EACCES } = osConstants.errno;
const PERMISSIONS = 0o7777;

export interface OpenMailbox {
  readonly file: FileHandle;
  /** As it was before anything was written. */
  readonly before: Stats;
  readonly isNew: boolean;
}

/**
 * Opens a mailbox for appending, if it is what it should be, or makes it (Exim's manual, "Operational details for appending").
 *
 * @throws {MailboxError} @throws an error of the operating system; what was tried is in `job.doing`.
 */
export async function openMailbox(
  job: MailboxJob,
  folder: Folder,
  name: string,
  mayCreate: boolean,
): Promise<OpenMailbox> {
  const path = `${folder.path}/${name}`;
  job.doing = `attempting to stat mailbox ${path}`;
  const found = await orMissing(lstat(folder.at(name)));
  if (found === undefined) return create(job, folder, name, mayCreate);
  const isLink = found.isSymbolicLink();
  if (isLink) checkOwner(job, path, found, " (symlink)");
  if (isLink && job.transport.settings.allowsSymlink) {
    const target = await orMissing(stat(folder.at(name)));
    if (target === undefined) return create(job, folder, name, mayCreate);
    return openExisting(job, folder, name, { found: target, isLink });
  }
  return openExisting(job, folder, name, { found, isLink: false });
}

async function create(job: MailboxJob, folder: Folder, name: string, mayCreate: boolean): Promise<OpenMailbox> {
  const path = `${folder.path}/${name}`;
  const { fileMustExist, mode, allowsSymlink } = job.transport.settings;
  if (fileMustExist) throw new MailboxError(ENOENT, `mailbox ${path} does not exist, but file_must_exist is set`);
  if (!mayCreate) {
    const text = `mailbox ${path} does not exist, but creation outside the home directory is not permitted`;
    throw new MailboxError(mailboxErrors.creation, text);
  }
  job.doing = `while creating mailbox ${path}`;
  // A link to nothing is made what it points to, where links are followed; O_EXCL would refuse it.
  const exclusive = allowsSymlink && job.owner === undefined ? 0 : O_EXCL | O_NOFOLLOW;
  const file = await open(folder.at(name), O_WRONLY | O_APPEND | O_CREAT | exclusive, mode);
  try {
    job.doing = `while setting perms on mailbox ${path}`;
    await file.chmod(mode);
    if (job.owner !== undefined) await file.chown(job.owner.uid, job.owner.gid);
    return { file, before: await file.stat(), isNew: true };
  } catch (err) {
    await file.close();
    throw err;
  }
}

async function openExisting(
  job: MailboxJob,
  folder: Folder,
  name: string,
  { found, isLink }: { found: Stats; isLink: boolean },
): Promise<OpenMailbox> {
  const path = `${folder.path}/${name}`;
  checkOwner(job, path, found, "");
  checkKind(job, path, found);
  await adjustMode(job, folder, name, found);
  job.doing = `while opening mailbox ${path}`;
  if (job.owner !== undefined && !mayWrite(found, job.owner)) throw new MailboxError(EACCES, job.doing);
  const follow = isLink ? 0 : O_NOFOLLOW;
  const file = await open(folder.at(name), O_WRONLY | O_APPEND | follow | (found.isFIFO() ? O_NONBLOCK : 0));
  try {
    const before = await file.stat();
    if (before.ino !== found.ino || before.dev !== found.dev) {
      const text = `opened mailbox ${path} inode number changed from ${found.ino} to ${before.ino}`;
      throw new MailboxError(mailboxErrors.inodeChanged, text);
    }
    return { file, before, isNew: false };
  } catch (err) {
    await file.close();
    throw err;
  }
}

function checkOwner({ transport, owner }: MailboxJob, path: string, { uid, gid }: Stats, what: string): void {
  const { checksOwner, checksGroup } = transport.settings;
  const wanted = owner ?? ownOwner();
  if (wanted === undefined) return;
  if (checksOwner && uid !== wanted.uid) {
    throw new MailboxError(mailboxErrors.wrongOwner, `mailbox ${path}${what} has wrong uid (${uid} != ${wanted.uid})`);
  }
  if (checksGroup && gid !== wanted.gid) {
    throw new MailboxError(mailboxErrors.wrongOwner, `mailbox ${path}${what} has wrong gid (${gid} != ${wanted.gid})`);
  }
}

function checkKind({ transport }: MailboxJob, path: string, found: Stats): void {
  const { allowsFifo } = transport.settings;
  if (found.nlink > 1) {
    throw new MailboxError(mailboxErrors.notRegular, `mailbox ${path} has too many links (${found.nlink})`);
  }
  if (found.isFile() || (allowsFifo && found.isFIFO())) return;
  const also = allowsFifo ? " or named pipe" : "";
  throw new MailboxError(mailboxErrors.notRegular, `mailbox ${path} is not a regular file${also}`);
}

/** A mailbox with more rights than it should have is narrowed; one with others is an error, if `mode_fail_narrower` is set. */
async function adjustMode(job: MailboxJob, folder: Folder, name: string, found: Stats): Promise<void> {
  const { mode, failsIfNarrower } = job.transport.settings;
  const path = `${folder.path}/${name}`;
  const actual = found.mode & PERMISSIONS;
  const differing = actual ^ mode;
  if (differing === 0) return;
  if ((differing & actual) === differing) {
    job.doing = `attempting to chmod mailbox ${path}`;
    const { owner } = job;
    if (owner !== undefined && found.uid !== owner.uid) throw new MailboxError(osConstants.errno.EPERM, job.doing);
    await chmod(folder.at(name), mode);
  } else if (failsIfNarrower) {
    const text = `mailbox ${path} has the wrong mode ${actual.toString(8)} (${mode.toString(8)} expected)`;
    throw new MailboxError(mailboxErrors.wrongMode, text);
  }
}

async function orMissing(found: Promise<Stats>): Promise<Stats | undefined> {
  try {
    return await found;
  } catch (err) {
    if (systemError(err)?.errno === ENOENT) return undefined;
    throw err;
  }
}
