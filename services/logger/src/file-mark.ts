import { type FileHandle, mkdir, open, readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Exim's `log_file` mode: the group may read. */
const FILE_MODE = 0o640;

/** Which file it was and how far it had been written when a batch of events was committed. */
export interface FileMark {
  readonly inode: number;
  /** Milliseconds since the epoch; 0 where the file system does not keep it. Tells a new file with an old inode. */
  readonly bornAtMs: number;
  /** Octets. */
  readonly size: number;
}

/** Whether they are of one file. */
export const isSame = (a: FileMark, b: FileMark): boolean => a.inode === b.inode && a.bornAtMs === b.bornAtMs;

/** Makes what is missing. @param flags `a+`: it is read, too. */
export async function openForAppending(
  path: string,
  flags: "a" | "a+" = "a",
): Promise<{ readonly handle: FileHandle; readonly mark: FileMark }> {
  await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  const handle = await open(path, flags, FILE_MODE);
  const { ino, birthtimeMs, size } = await handle.stat();
  return { handle, mark: { inode: ino, bornAtMs: birthtimeMs, size } };
}

/** @returns undefined: there is none of that name. */
export async function markOf(path: string): Promise<FileMark | undefined> {
  try {
    const { ino, birthtimeMs, size } = await stat(path);
    return { inode: ino, bornAtMs: birthtimeMs, size };
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return undefined;
    throw err;
  }
}

/** The file that a mark means, as it is now: it may have another name in its directory. */
export async function findFile(
  path: string,
  wanted: FileMark,
): Promise<{ readonly path: string; readonly mark: FileMark } | undefined> {
  for (const name of await readdir(dirname(path))) {
    const file = join(dirname(path), name);
    const mark = await markOf(file);
    if (mark !== undefined && isSame(mark, wanted)) return { path: file, mark };
  }
  return undefined;
}
