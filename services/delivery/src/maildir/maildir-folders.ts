import { constants, mkdir, open, readdir, stat } from "node:fs/promises";
import { constants as osConstants } from "node:os";
import { dirname, join } from "node:path";
import { compileRegex } from "@postbus/regex";
import { type Folder, openFolder } from "../appendfile/folder.ts";
import { MailboxError, mailboxErrors } from "../appendfile/mailbox-error.ts";
import type { MailboxJob } from "../appendfile/mailbox-job.ts";
import { systemError } from "../system-error.ts";

/** Mailboxes known to be there; beyond it, the oldest are made sure of again. */
const MAX_KNOWN = 10_000;
const { EEXIST, ENOTDIR } = osConstants.errno;

/** The directories of a Maildir. */
export interface MaildirFolders extends AsyncDisposable {
  readonly base: Folder;
  readonly tmp: Folder;
  readonly new: Folder;
  readonly cur: Folder;
}

/** @param mayCreate Whether those that are missing are made. */
export async function openMaildir(job: MailboxJob, directory: string, mayCreate: boolean): Promise<MaildirFolders> {
  if (job.owner === undefined) {
    await makeSure(job, directory, mayCreate);
    const part = (name: string): Folder => plain(job, join(directory, name));
    const folders = { base: plain(job, directory), tmp: part("tmp"), new: part("new"), cur: part("cur") };
    await isFolder(job, folders.base);
    return { ...folders, [Symbol.asyncDispose]: async () => undefined };
  }
  await using opened = new AsyncDisposableStack();
  const folder = async (path: string) => opened.use(await openFolder(job, path, mayCreate));
  const [base, tmp] = [await folder(directory), await folder(join(directory, "tmp"))];
  const folders = { base, tmp, new: await folder(join(directory, "new")), cur: await folder(join(directory, "cur")) };
  await isFolder(job, base);
  const kept = opened.move();
  return { ...folders, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

const plain = (job: MailboxJob, path: string): Folder => ({
  path,
  at: (name) => join(path, name),
  sync: () => job.deps.syncs.sync(path),
  [Symbol.asyncDispose]: async () => undefined,
});

async function makeSure(job: MailboxJob, directory: string, mayCreate: boolean): Promise<void> {
  const { known, syncs } = job.deps;
  if (known.has(directory)) return;
  job.doing = `failed to create directories for ${directory}`;
  const made: (string | undefined)[] = [];
  for (const part of mayCreate ? ["tmp", "new", "cur"] : []) {
    made.push(await makePart(directory, part, job.transport.settings.directoryMode));
  }
  if (!mayCreate) {
    job.doing = `stat() error for ${directory}`;
    await readdir(join(directory, "tmp"));
  }
  const [topmost] = made.filter((path) => path !== undefined);
  // The entries of new directories must be there after a power loss, or the message is nowhere.
  if (topmost !== undefined) {
    for (let path = directory; ; path = dirname(path)) {
      await syncs.sync(path);
      if (path === dirname(topmost) || path === dirname(path)) break;
    }
  }
  known.add(directory);
  for (const oldest of known) {
    if (known.size <= MAX_KNOWN) break;
    known.delete(oldest);
  }
}

async function makePart(directory: string, part: string, mode: number): Promise<string | undefined> {
  try {
    return await mkdir(join(directory, part), { recursive: true, mode });
  } catch (err) {
    const errno = systemError(err)?.errno;
    if ((errno !== EEXIST && errno !== ENOTDIR) || !(await isFile(directory))) throw err;
    throw new MailboxError(mailboxErrors.notDirectory, `${directory} is not a directory`);
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return !(await stat(path)).isDirectory();
  } catch {
    return false; // Something above it is wrong, and that has been told already.
  }
}

/** `maildirfolder_create_regex`: a folder in a Maildir has a file that says it is one (Maildir++). */
async function isFolder(job: MailboxJob, base: Folder): Promise<void> {
  const { maildirfolderCreateRegex: regex, mode } = job.transport.settings;
  if (regex === undefined || compileRegex(regex).exec(Buffer.from(base.path).toString("latin1")) === undefined) return;
  job.doing = `appendfile: failed to create maildirfolder file in ${base.path} directory`;
  const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = constants;
  try {
    await using file = await open(base.at("maildirfolder"), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, mode);
    if (job.owner !== undefined) await file.chown(job.owner.uid, job.owner.gid);
  } catch (err) {
    if (systemError(err)?.errno !== EEXIST) throw err;
  }
}
