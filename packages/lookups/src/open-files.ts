import { stat } from "node:fs/promises";
import { type FileVersion, fileVersion, isSettled } from "./file-version.ts";
import { LookupDefer } from "./lookup-defer.ts";
import type { LookupSettings } from "./lookup-settings.ts";
import type { FileLookupType, OpenFile } from "./lookup-type.ts";
import { systemText } from "./system-text.ts";

/** One version of a file, while it is open; see `OpenFiles`. */
export interface FileHandle {
  readonly file: OpenFile;
  /** It must not be asked any more: the file was closed to make room. */
  readonly isClosed: boolean;
  /** Keeps it open until the returned function is called. */
  hold(): () => void;
}

/** A handle that stays open until `release` is called. */
export interface HeldFile {
  readonly handle: FileHandle;
  release(): void;
}

/** Exim's `lookup_open_max`. */
const MAX_OPEN_FILES = 25;

/**
 * The files that are open for lookups. Opening one again costs a look at its directory entry as long as the file has not
 * changed; when too many are open, the one that was not used for the longest time is closed.
 */
export class OpenFiles {
  readonly #settings: LookupSettings;
  readonly #maxOpen: number;
  /** By type and path; the least recently used first. */
  readonly #entries = new Map<string, Entry>();
  #isClosed = false;

  constructor(settings: LookupSettings) {
    this.#settings = settings;
    this.#maxOpen = Math.max(1, settings.maxOpenFiles ?? MAX_OPEN_FILES);
  }

  /** The file as it is now. @throws {LookupDefer} */
  async open(type: FileLookupType, path: string): Promise<HeldFile> {
    const failure = (problem: string, cause?: unknown): LookupDefer =>
      new LookupDefer(type.name, type.openFailure(path, problem), { isOpenFailure: true, cause });
    if (!path.startsWith("/") || path.includes("\0")) throw failure("No such file or directory");
    // Paths are octets too.
    const octets = Buffer.from(path, "latin1");
    try {
      const stats = await stat(octets, { bigint: true });
      if (type.wants === "directory" && !stats.isDirectory()) throw failure("Not a directory");
      if (type.wants === "regular file" && !stats.isFile()) {
        const text = `${path} is not a regular file (${type.name} lookup)`;
        throw new LookupDefer(type.name, text, { isOpenFailure: true });
      }
      return await this.#opened(type, path, fileVersion(stats), isSettled(stats, Date.now()));
    } catch (err) {
      if (err instanceof LookupDefer) throw err;
      throw failure(systemText(err), err);
    }
  }

  async #opened(type: FileLookupType, path: string, version: FileVersion, settled: boolean): Promise<HeldFile> {
    if (this.#isClosed) throw new LookupDefer(type.name, "lookups are being closed");
    const key = `${type.name} ${path}`;
    let entry = this.#entries.get(key);
    this.#entries.delete(key);
    if (entry === undefined || entry.version !== version || entry.isDoubtful) {
      void entry?.close(); // Nobody has to wait for that; errors are seen to there.
      entry = new Entry(type.open(path, this.#settings), version, settled);
    }
    this.#entries.set(key, entry);
    for (const [oldestKey, oldest] of this.#entries) {
      if (this.#entries.size <= this.#maxOpen) break;
      this.#entries.delete(oldestKey);
      void oldest.close(); // As above.
    }
    // Before it is awaited: meanwhile another file may need its place.
    const release = entry.hold();
    try {
      return { handle: await entry.handle, release };
    } catch (err) {
      release();
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      throw err;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(entries.map((entry) => entry.close()));
  }
}

/** Closed when it is no longer in the table and nobody holds it. */
class Entry {
  readonly version: FileVersion;
  readonly handle: Promise<FileHandle>;
  /** It was opened so soon after a change that a later one may look the same. */
  isDoubtful = false;
  readonly #closed = Promise.withResolvers<void>();
  #isClosing = false;
  #holders = 0;

  constructor(file: Promise<OpenFile>, version: FileVersion, settled: boolean) {
    this.version = version;
    const entry = this;
    this.handle = file.then((opened) => {
      // Not while it is being read: a large file would be read by everybody who asks.
      this.isDoubtful = !settled;
      return {
        file: opened,
        get isClosed() {
          return entry.#isClosing;
        },
        hold: () => this.hold(),
      };
    });
    // Whoever opens it hears of the failure; this keeps it from being an unhandled one where nobody waits.
    this.handle.catch(() => undefined);
  }

  /** Keeps it open, or from being closed as soon as it is open, until the returned function is called. */
  hold(): () => void {
    this.#holders++;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#holders--;
      this.#closeIfFree();
    };
  }

  /** Resolves when it is closed. */
  close(): Promise<void> {
    this.#isClosing = true;
    this.#closeIfFree();
    return this.#closed.promise;
  }

  #closeIfFree(): void {
    if (!this.#isClosing || this.#holders > 0) return;
    const closed = this.handle.then(({ file }) => file.close());
    // A file that did not open, or does not close, has nothing more to give back; it was only read.
    closed.catch(() => undefined).finally(() => this.#closed.resolve());
  }
}
