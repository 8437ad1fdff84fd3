import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError, DeferError } from "@postbus/mail";
import { readFileSpool } from "./file-reader.ts";
import { FileSpoolWriter } from "./file-writer.ts";
import { type Spool, SpoolError } from "./spool.ts";

/** Ids become file names: no dot, no slash, nothing that a file system could take for a path. */
const ID = /^[0-9A-Za-z-]{1,100}$/;
/** What is being written; never has the name of something finished. */
const PARTIAL = ".part";

/**
 * Content as files, one for each id, below a directory that only we may read. A file has its final name when it is
 * complete and on stable storage, never before.
 *
 * @throws {ConfigError} the directory cannot be made or written to.
 */
export async function openFileSpool(directory: string): Promise<Spool> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const probe = join(directory, `probe-${process.pid}${PARTIAL}`);
    await (await open(probe, "w", 0o600)).close();
    await unlink(probe);
  } catch (err) {
    throw new ConfigError(`spool: ${directory} cannot be used: ${err instanceof Error ? err.message : err}`, {
      cause: err,
    });
  }
  return new FileSpool(directory);
}

class FileSpool implements Spool {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async create(id: string): Promise<FileSpoolWriter> {
    const final = this.#pathOf(id);
    // A name of its own for every attempt: what a dead process left under an id is in nobody's way.
    const partial = `${final}.${randomBytes(6).toString("hex")}${PARTIAL}`;
    try {
      return new FileSpoolWriter(id, await open(partial, "wx", 0o600), partial, final);
    } catch (err) {
      throw new DeferError("spool", `cannot write ${partial}`, { cause: err });
    }
  }

  read(...[reference, options]: Parameters<Spool["read"]>): AsyncIterable<Buffer> {
    return readFileSpool(this.#pathOf(reference.id), reference, options);
  }

  async remove(id: string): Promise<void> {
    await removeFile(this.#pathOf(id));
  }

  async sweep(minAgeMs: number, isInUse: (id: string) => Promise<boolean>): Promise<number> {
    const before = Date.now() - minAgeMs;
    let removed = 0;
    for (const name of await readdir(this.#directory)) {
      const isPartial = name.endsWith(PARTIAL);
      if (!isPartial && !ID.test(name)) continue;
      const path = join(this.#directory, name);
      const changedAtMs = await modifiedAtMs(path);
      if (changedAtMs === undefined || changedAtMs > before) continue;
      // The modification time of what is being written is now; a partial file that is old has lost its writer.
      if (!isPartial && (await isInUse(name))) continue;
      await removeFile(path);
      removed++;
    }
    return removed;
  }

  #pathOf(id: string): string {
    if (!ID.test(id)) throw new SpoolError(`spool: not an id: ${JSON.stringify(id.slice(0, 120))}`);
    return join(this.#directory, id);
  }
}

async function modifiedAtMs(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (err) {
    if (isMissing(err)) return undefined;
    throw err;
  }
}

async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (err) {
    if (!isMissing(err)) throw err;
  }
}

const isMissing = (err: unknown): boolean => err instanceof Error && "code" in err && err.code === "ENOENT";
