import { createHash } from "node:crypto";
import { type FileHandle, open, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import type { SpoolReference } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import type { SpoolWriter } from "./spool.ts";

/** Octets that are written in one step: a message of tens of megabytes takes hundreds of them, not thousands. */
const BLOCK_OCTETS = 128 * 1024;

/** Writes one file under a name of its own and gives it the final one when its octets are on stable storage. */
export class FileSpoolWriter implements SpoolWriter {
  readonly #id: string;
  readonly #file: FileHandle;
  readonly #partial: string;
  readonly #final: string;
  readonly #digest = createHash("sha256");
  /** What is to be written next. */
  readonly #block = Buffer.allocUnsafeSlow(BLOCK_OCTETS);
  #filled = 0;
  #size = 0;
  #isOpen = true;
  #hasFailed = false;

  constructor(id: string, file: FileHandle, partial: string, final: string) {
    this.#id = id;
    this.#file = file;
    this.#partial = partial;
    this.#final = final;
  }

  /** What fits into the block is copied, and the octets may be let go at once. */
  write(octets: Uint8Array): Promise<void> | undefined {
    this.#digest.update(octets);
    this.#size += octets.length;
    if (octets.length > this.#block.length - this.#filled) return this.#writeBlocks(octets);
    this.#block.set(octets, this.#filled);
    this.#filled += octets.length;
    return undefined;
  }

  async finish(): Promise<SpoolReference> {
    // A file with a hole in it must never get the final name.
    if (this.#hasFailed) throw new DeferError("spool", `${this.#id} is incomplete: an earlier write failed`);
    await this.#writeBlock();
    await this.#orDefer("finish", async () => {
      await this.#file.datasync();
      await this.#close();
      await rename(this.#partial, this.#final);
      await syncDirectory(dirname(this.#final));
    });
    return { id: this.#id, size: this.#size, sha256: this.#digest.digest("hex") };
  }

  async abort(): Promise<void> {
    await this.#close();
    try {
      await unlink(this.#partial);
    } catch (err) {
      // Finished before, or swept away: there is nothing to remove.
      if (!(err instanceof Error && "code" in err && err.code === "ENOENT")) throw err;
    }
  }

  async #writeBlocks(octets: Uint8Array): Promise<void> {
    for (let at = 0; at < octets.length; ) {
      const part = octets.subarray(at, at + this.#block.length - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === this.#block.length) await this.#writeBlock();
    }
  }

  async #writeBlock(): Promise<void> {
    await this.#orDefer("write", async () => {
      for (let at = 0; at < this.#filled; ) {
        const { bytesWritten } = await this.#file.write(this.#block, at, this.#filled - at);
        at += bytesWritten;
      }
    });
    this.#filled = 0;
  }

  async #close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#file.close();
  }

  async #orDefer(what: string, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (err) {
      this.#hasFailed = true;
      const found = err instanceof Error ? err.message : String(err);
      throw new DeferError("spool", `${what} ${this.#partial}: ${found}`, { cause: err });
    }
  }
}

/** After a rename the name itself must survive a power failure, too. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
