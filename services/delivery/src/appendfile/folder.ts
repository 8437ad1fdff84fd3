import { constants, type FileHandle, mkdir, open } from "node:fs/promises";
import { constants as osConstants } from "node:os";
import { dirname, join } from "node:path";
import { systemError } from "../system-error.ts";
import { MailboxError } from "./mailbox-error.ts";
import type { MailboxJob } from "./mailbox-job.ts";
import { mayWrite, type Owner } from "./owner.ts";

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
const { EACCES, ENOENT } = osConstants.errno;

/** A directory in which files of a mailbox are made. */
export interface Folder extends AsyncDisposable {
  /** As the policy names it: for logs. */
  readonly path: string;
  /** A file in it, as the operating system is to be asked for it. */
  at(name: string): string;
  /** Makes its entries durable. */
  sync(): Promise<void>;
}

/**
 * Opens a directory; what is missing of it is made if that is allowed.
 *
 * @throws an error of the operating system; what was tried is in `job.doing`.
 */
export async function openFolder(job: MailboxJob, path: string, mayCreate: boolean): Promise<Folder> {
  const { owner, deps, transport } = job;
  const mode = transport.settings.directoryMode;
  if (owner !== undefined) return anchored(job, path, { owner, mayCreate, mode });
  if (mayCreate) {
    job.doing = `failed to create directories for ${path}`;
    const made = await mkdir(path, { recursive: true, mode });
    // The entries of new directories must be there after a power loss, or the message is nowhere.
    if (made !== undefined) await syncUpTo(dirname(made), path, (directory) => deps.syncs.sync(directory));
  }
  return {
    path,
    at: (name) => join(path, name),
    sync: () => deps.syncs.sync(path),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function syncUpTo(topmost: string, path: string, sync: (path: string) => Promise<void>): Promise<void> {
  for (let at = path; ; at = dirname(at)) {
    await sync(at);
    if (at === topmost || at === dirname(at)) return;
  }
}

/**
 * A directory of somebody else, opened by root: step by step, each held by its descriptor, and below what others may write to
 * without following links. Whoever owns a mailbox could otherwise have root write wherever he points to.
 */
async function anchored(
  job: MailboxJob,
  path: string,
  { owner, mayCreate, mode }: { owner: Owner; mayCreate: boolean; mode: number },
): Promise<Folder> {
  let at = await open("/", O_RDONLY | O_DIRECTORY);
  try {
    let isOurs = true;
    for (const name of path.split("/").filter((part) => part !== "")) {
      job.doing = `failed to open directory ${path}`;
      const next = await step(job, at, name, { owner, mayCreate, mode, follows: isOurs });
      await at.close();
      at = next;
      const stat = await at.stat();
      isOurs = isOurs && stat.uid === 0 && (stat.mode & 0o022) === 0;
    }
    if (!mayWrite(await at.stat(), owner)) throw new MailboxError(EACCES, `may not write to directory ${path}`);
  } catch (err) {
    await at.close();
    throw err;
  }
  return {
    path,
    at: (name) => `/proc/self/fd/${at.fd}/${name}`,
    sync: () => at.sync(),
    [Symbol.asyncDispose]: () => at.close(),
  };
}

interface StepOptions {
  readonly owner: Owner;
  readonly mayCreate: boolean;
  readonly mode: number;
  readonly follows: boolean;
}

async function step(
  job: MailboxJob,
  at: FileHandle,
  name: string,
  { owner, mayCreate, mode, follows }: StepOptions,
): Promise<FileHandle> {
  const path = `/proc/self/fd/${at.fd}/${name}`;
  const flags = O_RDONLY | O_DIRECTORY;
  try {
    return await open(path, follows ? flags : flags | O_NOFOLLOW);
  } catch (err) {
    if (!mayCreate || systemError(err)?.errno !== ENOENT) throw err;
  }
  job.doing = `failed to create directories for ${name}`;
  if (!mayWrite(await at.stat(), owner)) throw new MailboxError(EACCES, `failed to create directories for ${name}`);
  await mkdir(path, { mode });
  const made = await open(path, flags | O_NOFOLLOW);
  await made.chown(owner.uid, owner.gid);
  await at.sync();
  return made;
}
