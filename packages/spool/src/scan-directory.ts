import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { DeferError, type OctetSource } from "@postbus/mail";

/** Octets in one step of reading. */
const PIECE_OCTETS = 64 * 1024;

/**
 * A directory for what is unpacked of one message while it is looked at. Made when the first file is written; of no
 * worth afterwards, so nothing is synced.
 */
export class ScanDirectory {
  readonly path: string;
  #octetsLeft: number;
  #isMade = false;

  /**
   * @param root Directory of all messages that are looked at.
   * @param id Of the message: letters, digits and hyphens.
   * @param maxOctets That may be written in all.
   */
  constructor(root: string, id: string, maxOctets: number) {
    if (!/^[0-9A-Za-z-]{1,100}$/.test(id)) throw new Error(`not an id: ${id}`);
    this.path = join(root, id);
    this.#octetsLeft = maxOctets;
  }

  /**
   * Writes a file, over one of the same name.
   *
   * @param name Without slashes.
   * @throws {DeferError} no room, or more than the message may take.
   */
  async write(name: string, octets: AsyncIterable<Buffer>): Promise<void> {
    try {
      if (!this.#isMade) await mkdir(this.path, { recursive: true, mode: 0o700 });
      this.#isMade = true;
      const file = await open(this.#pathOf(name), "w", 0o600);
      try {
        for await (const piece of octets) {
          this.#octetsLeft -= piece.length;
          if (this.#octetsLeft < 0) throw new DeferError("scan", "the unpacked message takes too much room");
          await file.write(piece);
        }
      } finally {
        await file.close();
      }
    } catch (err) {
      if (!(err instanceof Error) || !("syscall" in err)) throw err;
      throw new DeferError("scan", `cannot write ${join(this.path, name)}: ${err.message}`, { cause: err });
    }
  }

  /** What was written, from any place on. */
  source(name: string): OctetSource {
    const path = this.#pathOf(name);
    return { read: (start) => createReadStream(path, { start, highWaterMark: PIECE_OCTETS }) };
  }

  async remove(name: string): Promise<void> {
    await rm(this.#pathOf(name), { force: true });
  }

  /** Nothing is left. */
  async clear(): Promise<void> {
    if (this.#isMade) await rm(this.path, { recursive: true, force: true });
  }

  #pathOf(name: string): string {
    if (name.includes("/") || name === ".." || name === ".") throw new Error(`not the name of a file: ${name}`);
    return join(this.path, name);
  }
}

/** Removes what processes that died have left, or a policy has kept (`control = no_mbox_unspool`). */
export async function sweepScanDirectories(root: string, minAgeMs: number): Promise<void> {
  const before = Date.now() - minAgeMs;
  const names = await readdir(root).catch(() => []);
  for (const name of names) {
    const path = join(root, name);
    const changedAtMs = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined,
    );
    if (changedAtMs !== undefined && changedAtMs < before) await rm(path, { recursive: true, force: true });
  }
}
