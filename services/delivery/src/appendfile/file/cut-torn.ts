import { type FileHandle, open } from "node:fs/promises";
import type { AppendfileSettings } from "@postbus/policy";
import type { Folder } from "../folder.ts";
import type { LockRecord } from "./lock-record.ts";

const PIECE_OCTETS = 64 * 1024;

/**
 * Cuts off what a process has appended that died before it had written all of it; its work item is handed out again. Where it
 * can be told (each message begins with `From `), what somebody else has appended since, without asking for the lock, is kept,
 * and then the torn message as well.
 *
 * @param torn Which mailbox it was, and where it ended before.
 */
export async function cutTorn(
  folder: Folder,
  name: string,
  torn: NonNullable<LockRecord["appends"]>,
  { escaped }: Pick<AppendfileSettings, "escaped">,
): Promise<void> {
  await using file = await open(folder.at(name), "r+");
  const { ino, size } = await file.stat();
  if (ino !== torn.inode || size <= torn.size) return;
  if (escaped?.from === "From " && (await hasAnotherMessage(file, torn.size))) return;
  await file.truncate(torn.size);
  await file.sync();
}

/** Whether a line behind the first begins with `From `: in a message that we write, none does. */
async function hasAnotherMessage(file: FileHandle, from: number): Promise<boolean> {
  const separator = Buffer.from("\nFrom ");
  const piece = Buffer.alloc(PIECE_OCTETS);
  for (let at = from; ; ) {
    const { bytesRead } = await file.read(piece, 0, piece.length, at);
    if (piece.subarray(0, bytesRead).includes(separator)) return true;
    if (bytesRead < separator.length) return false;
    at += bytesRead - (separator.length - 1);
  }
}
