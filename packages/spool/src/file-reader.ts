import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import type { SpoolReference } from "@postbus/contracts";
import { type ReadOptions, SpoolError } from "./spool.ts";

/** Octets in one step; a reader holds two of these. */
const CHUNK_OCTETS = 64 * 1024;

/**
 * The octets of a file, chunk by chunk. Each chunk is given out when the next one has been read, and the last one when
 * the digest has been found right: a damaged file never looks complete.
 *
 * @throws {SpoolError} missing, cut short, too long, or not what was stored.
 */
export async function* readFileSpool(
  path: string,
  { id, size, sha256 }: SpoolReference,
  { isTransient = false, start = 0 }: ReadOptions = {},
): AsyncGenerator<Buffer> {
  const file = await openStored(path, id);
  try {
    const stored = (await file.stat()).size;
    if (stored !== size) throw new SpoolError(`spool: ${id} has ${stored} octets instead of ${size}`);
    const digest = createHash("sha256");
    let held: Buffer | undefined;
    // In turn: what is given out is used up when we run again, and what is held is in the other one.
    const buffers = isTransient ? [newChunk(size), newChunk(size)] : [];
    for (let at = start, turn = 0; at < size; turn = 1 - turn) {
      const chunk = (buffers[turn] ?? newChunk(size - at)).subarray(0, size - at);
      const { bytesRead } = await readStored(file, id, chunk, at);
      if (bytesRead === 0) throw new SpoolError(`spool: ${id} ends after ${at} of ${size} octets`);
      if (held !== undefined) yield held;
      held = chunk.subarray(0, bytesRead);
      digest.update(held);
      at += bytesRead;
    }
    const found = digest.digest("hex");
    if (start === 0 && found !== sha256) {
      throw new SpoolError(`spool: ${id} is damaged: its SHA-256 is ${found} instead of ${sha256}`);
    }
    if (held !== undefined) yield held;
  } finally {
    await file.close();
  }
}

const newChunk = (octets: number): Buffer => Buffer.allocUnsafe(Math.min(CHUNK_OCTETS, octets));

async function openStored(path: string, id: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (err) {
    throw new SpoolError(`spool: ${id} cannot be opened: ${err instanceof Error ? err.message : err}`, { cause: err });
  }
}

async function readStored(file: FileHandle, id: string, chunk: Buffer, at: number): Promise<{ bytesRead: number }> {
  try {
    return await file.read(chunk, 0, chunk.length, at);
  } catch (err) {
    throw new SpoolError(`spool: ${id} cannot be read: ${err instanceof Error ? err.message : err}`, { cause: err });
  }
}
