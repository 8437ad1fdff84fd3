import { constants, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { constants as system } from "node:os";
import { LocalError } from "../local/local-error.ts";
import { octetText } from "../octet-text.ts";
import type { RunAs } from "../programs/run-as.ts";

/**
 * Opens a file to read it for somebody. Root can read everything, so what the user could not read is refused: a name in a home may
 * be a link to anything.
 *
 * @throws what the operating system says. @throws {LocalError}
 */
export async function openToRead(path: string, as: RunAs | undefined): Promise<FileHandle> {
  const file = await open(octetText(path), constants.O_RDONLY | constants.O_NONBLOCK);
  return checked(file, path, as, 4);
}

/** Opens a file to append to it; a new one belongs to the user. Links are not followed. */
export async function openToAppend(path: string, mode: number, as: RunAs | undefined): Promise<FileHandle> {
  const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;
  const flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK;
  try {
    return await checked(await open(octetText(path), flags), path, as, 2);
  } catch (err) {
    if (!(err instanceof Error && "code" in err && err.code === "ENOENT")) throw err;
  }
  const file = await open(octetText(path), flags | O_CREAT | O_EXCL, mode);
  if (as !== undefined) await file.chown(as.uid, as.gid);
  return file;
}

/** @param right 4 to read, 2 to write, as in a mode. */
async function checked(file: FileHandle, path: string, as: RunAs | undefined, right: 2 | 4): Promise<FileHandle> {
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new LocalError(system.errno.EINVAL, `${path} is not a regular file`);
    if (as !== undefined && !mayUse(stats, as, right)) {
      throw new LocalError(system.errno.EACCES, `Failed to open file ${path}: Permission denied`);
    }
    return file;
  } catch (err) {
    await file.close();
    throw err;
  }
}

function mayUse({ mode, uid, gid }: Stats, as: RunAs, right: number): boolean {
  if (uid === as.uid) return (mode & (right << 6)) !== 0;
  return (mode & (gid === as.gid ? right << 3 : right)) !== 0;
}
