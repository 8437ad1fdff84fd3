import { constants } from "node:fs";
import { access, mkdir, open, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ConfigError, DeferError } from "@postbus/mail";
import { BusFullError } from "../bus-error.ts";
import { ROOM_TO_OPEN_OCTETS } from "./reserve.ts";
import type { Room } from "./room.ts";

/**
 * Makes the directory if need be and finds out what could go wrong with it before LMDB does, whose words nobody
 * understands. Needs no room.
 *
 * @throws {ConfigError} one line that names the directory and the trouble. @throws {BusFullError} no room to make it.
 */
export async function prepareDirectory(directory: string): Promise<void> {
  try {
    await makeDirectory(directory);
    if (!(await stat(directory)).isDirectory()) throw new ConfigError(`bus: ${directory} is not a directory`);
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (err) {
    throw directoryError(directory, err);
  }
}

/**
 * Only by who has the directory's lock: on a full disk the reserve is given up.
 *
 * @throws {BusFullError} there is no room to open the bus. @throws the operating system's error: nothing can be written.
 */
export async function makeRoomToOpen(directory: string, room: Room): Promise<void> {
  // LMDB maps its files into memory: where the disk has no room for its first pages, touching them ends the process.
  // A part stays for the process after this one, unless it was all that there was.
  if ((await room.look()) < ROOM_TO_OPEN_OCTETS) await room.reserve.giveUp();
  if ((await room.look()) < ROOM_TO_OPEN_OCTETS) await room.reserve.giveUpAll();
  const left = await room.look();
  if (left < ROOM_TO_OPEN_OCTETS) throw new BusFullError(`${directory} is full: ${left} octets are left on the device`);
  const probe = join(directory, `probe-${process.pid}`);
  const file = await open(probe, "w", 0o600);
  try {
    await file.write("x");
  } finally {
    await file.close();
    await unlink(probe);
  }
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    await makeWithParents(directory);
  } catch (err) {
    // Where a directory cannot be made, Node.js may say that it is missing. The nearest one that is there knows why.
    const nearest = await nearestExisting(dirname(directory));
    await access(nearest, constants.W_OK).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== "EACCES") throw cause;
      const user = process.getuid?.() ?? "?";
      throw new ConfigError(`bus: ${directory} cannot be made: user ${user} may not write to ${nearest}`, { cause });
    });
    throw err;
  }
}

/** Not `recursive`: where the system says of a directory that is there that it is missing (below `/proc`), that goes on for ever. */
async function makeWithParents(directory: string): Promise<void> {
  try {
    await access(directory, constants.F_OK);
  } catch {
    if (dirname(directory) !== directory) await makeWithParents(dirname(directory));
    await mkdir(directory, { mode: 0o700 }).catch((err: NodeJS.ErrnoException) => {
      if (err.code !== "EEXIST") throw err;
    });
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
