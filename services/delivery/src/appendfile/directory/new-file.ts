import { constants, type FileHandle, open } from "node:fs/promises";
import type { Folder } from "../folder.ts";
import type { MailboxJob } from "../mailbox-job.ts";
import { removeIfThere } from "../remove-if-there.ts";

const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;

/**
 * Makes a file in a mailbox, with its owner and mode, on stable storage when this resolves. What fails leaves no file.
 *
 * @param name Of a file that is this job's alone: what an earlier run has left of it is written over.
 * @returns what `write` gives.
 */
export async function newFile<T>(
  job: MailboxJob,
  folder: Folder,
  name: string,
  write: (file: FileHandle) => Promise<T>,
): Promise<T> {
  const path = `${folder.path}/${name}`;
  job.doing = `while creating file ${path}`;
  const file = await open(folder.at(name), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, job.transport.settings.mode);
  try {
    await file.chmod(job.transport.settings.mode);
    if (job.owner !== undefined) await file.chown(job.owner.uid, job.owner.gid);
    job.doing = `while writing to ${path}`;
    const result = await write(file);
    await file.datasync();
    return result;
  } catch (err) {
    await removeIfThere(folder.at(name));
    throw err;
  } finally {
    await file.close();
  }
}
