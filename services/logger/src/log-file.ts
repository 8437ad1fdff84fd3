import { type FileHandle, open } from "node:fs/promises";
import { type FileMark, findFile, isSame, markOf, openForAppending } from "./file-mark.ts";

/** How often it is looked whether the file is still the one of that name. */
const ROTATION_CHECK_MS = 1_000;

/**
 * A log that somebody may rename, remove or empty while it is written (logrotate, exicyclog).
 *
 * Its mark is stored in the transaction that says which events have been written. After a crash the file is cut back
 * to the mark, and the lines behind it are written again from their events: none is lost, none is there twice.
 */
export class LogFile {
  readonly #path: () => string;
  /** As it was when the file was opened. */
  #openPath: string;
  readonly #now: () => number;
  #handle: FileHandle;
  #mark: FileMark;
  #checkedAtMs: number;

  private constructor(path: () => string, handle: FileHandle, mark: FileMark, now: () => number) {
    this.#path = path;
    this.#openPath = path();
    this.#handle = handle;
    this.#mark = mark;
    this.#now = now;
    this.#checkedAtMs = now();
  }

  /**
   * @param path Asked again later: with the time, or with another policy, it may be another one.
   * @param committed The last mark that was stored; the file it means may have been renamed since.
   */
  static async open(path: () => string, committed?: FileMark, now: () => number = Date.now): Promise<LogFile> {
    if (committed !== undefined) await cutBack(path(), committed);
    const { handle, mark } = await openForAppending(path());
    return new LogFile(path, handle, mark, now);
  }

  get mark(): FileMark {
    return this.#mark;
  }

  /** Whether the committed mark's file is shorter than it was: the lines behind have gone (a power failure, an operator). */
  isShorterThan(committed: FileMark | undefined): boolean {
    return committed !== undefined && isSame(this.#mark, committed) && this.#mark.size < committed.size;
  }

  /** One write; what fails half-way is cut back when the file is opened again. */
  async append(octets: Buffer): Promise<void> {
    await this.#handle.appendFile(octets);
    this.#mark = { ...this.#mark, size: this.#mark.size + octets.length };
  }

  /**
   * Looks, at most once a second, whether another file or none has the name now, and then begins that one.
   *
   * @returns True if so: the new mark must be committed before anything is written.
   */
  async followRotation(): Promise<boolean> {
    const now = this.#now();
    if (now - this.#checkedAtMs < ROTATION_CHECK_MS) return false;
    this.#checkedAtMs = now;
    const path = this.#path();
    const found = path === this.#openPath ? await markOf(path) : undefined;
    if (found !== undefined && isSame(found, this.#mark)) {
      if (found.size >= this.#mark.size) return false;
      this.#mark = found; // Emptied in place (logrotate's copytruncate).
      return true;
    }
    const previous = this.#handle;
    const { handle, mark } = await openForAppending(path);
    this.#openPath = path;
    this.#handle = handle;
    this.#mark = mark;
    await previous.close();
    return true;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** The file may have another name by now (`mainlog.01`, `mainlog-20261121`). */
async function cutBack(path: string, committed: FileMark): Promise<void> {
  const found = await findFile(path, committed);
  if (found === undefined || found.mark.size <= committed.size) return;
  const handle = await open(found.path, "r+");
  try {
    await handle.truncate(committed.size);
  } finally {
    await handle.close();
  }
}
