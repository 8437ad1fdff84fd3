import { createHash } from "node:crypto";
import { type FileHandle, open, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import type { SpoolReference } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import type { SpoolWriter } from "./spool.ts";

/** Writes one file under a name of its own and gives it the final one when its octets are on stable storage. */
export class FileSpoolWriter implements SpoolWriter {
  readonly #id: string;
  readonly #file: FileHandle;
  readonly #partial: string;
  readonly #final: string;
  readonly #digest = createHash("sha256");
  #size = 0;
  #isOpen = true;
  #hasFailed = false;

  constructor(id: string, file: FileHandle, partial: string, final: string) {
    this.#id = id;
    this.#file = file;
    this.#partial = partial;
    this.#final = final;
  }

  async write(octets: Uint8Array): Promise<void> {
    await this.#orDefer("write", async () => {
      for (let at = 0; at < octets.length; ) {
        const { bytesWritten } = await this.#file.write(octets, at, octets.length - at);
        at += bytesWritten;
      }
    });
    this.#digest.update(octets);
    this.#size += octets.length;
  }

  async finish(): Promise<SpoolReference> {
    // A file with a hole in it must never get the final name.
    if (this.#hasFailed) throw new DeferError("spool", `${this.#id} is incomplete: an earlier write failed`);
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
