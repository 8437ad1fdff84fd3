import { constants } from "node:fs";
import { access, mkdir, open, stat, statfs, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ConfigError, DeferError } from "@postbus/mail";
import { BusFullError } from "../bus-error.ts";

/** Where LMDB keeps its magic number and format version in the first page. */
const MAGIC_AT = 24;
const MAGIC = 0xbeefc0de;
/** The format of the `lmdb` package. Opening the standard one with it ends the process with SIGSEGV. */
const FORMAT = 2;

/** LMDB maps its files into memory: where the disk has no room for its first pages, touching them ends the process. */
const ROOM_TO_OPEN_OCTETS = 1024 * 1024;

/**
 * Makes the directory if need be and finds out what could go wrong with it before LMDB does, whose words nobody
 * understands.
 *
 * @throws {ConfigError} one line that names the directory and the trouble. @throws {BusFullError} no room.
 */
export async function prepareDirectory(directory: string): Promise<void> {
  try {
    await makeDirectory(directory);
    if (!(await stat(directory)).isDirectory()) throw new ConfigError(`bus: ${directory} is not a directory`);
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    const probe = join(directory, `probe-${process.pid}`);
    const file = await open(probe, "w", 0o600);
    try {
      await file.write("x");
    } finally {
      await file.close();
      await unlink(probe);
    }
    const { bavail, bsize } = await statfs(directory);
    if (bavail * bsize < ROOM_TO_OPEN_OCTETS) {
      throw new BusFullError(`${directory} is full: ${bavail * bsize} octets are left on the device`);
    }
    await checkDataFile(join(directory, "data.mdb"));
  } catch (err) {
    throw directoryError(directory, err);
  }
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (err) {
    // Where a directory cannot be made, Node.js may say that it is missing. The nearest one that is there knows why.
    await access(await nearestExisting(dirname(directory)), constants.W_OK);
    throw err;
  }
}

async function nearestExisting(path: string): Promise<string> {
  try {
    await access(path, constants.F_OK);
    return path;
  } catch {
    const parent = dirname(path);
    return parent === path ? path : nearestExisting(parent);
  }
}

/** The operating system's complaint as one line for the operator. */
export function directoryError(directory: string, err: unknown): ConfigError | DeferError {
  if (err instanceof ConfigError || err instanceof DeferError) return err;
  const code = err instanceof Error && "code" in err ? String(err.code) : "";
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new BusFullError(`${directory} is full: ${code === "EDQUOT" ? "quota exceeded" : "no space left"}`, {
      cause: err,
    });
  }
  return new ConfigError(`bus: ${directory} ${reasons[code] ?? `cannot be used: ${firstLine(err)}`}`, { cause: err });
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: `may not be read and written by user ${process.getuid?.() ?? "?"}: it belongs to somebody else`,
  EPERM: `may not be read and written by user ${process.getuid?.() ?? "?"}: it belongs to somebody else`,
  EROFS: "is on a read-only file system",
  ENOTDIR: "is not a directory",
  EEXIST: "is not a directory",
};

const firstLine = (err: unknown): string => (err instanceof Error ? err.message : String(err)).split("\n")[0] ?? "";

async function checkDataFile(path: string): Promise<void> {
  const head = Buffer.alloc(MAGIC_AT + 8);
  try {
    const file = await open(path, "r+");
    try {
      const { bytesRead } = await file.read(head, 0, head.length, 0);
      if (bytesRead === 0) return;
    } finally {
      await file.close();
    }
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return;
    throw err;
  }
  // The fields are in the machine's byte order; every machine that Node.js runs on today is little-endian, bar s390x.
  if (head.readUInt32LE(MAGIC_AT) !== MAGIC || head.readUInt16LE(MAGIC_AT + 4) !== FORMAT) {
    throw new ConfigError(`bus: ${path} is not a file of Postbus`);
  }
}
