import { statSync } from "node:fs";
import { type ContextSettings, filesOf } from "./context-settings.ts";
import { loadTlsContext, type TlsContext } from "./tls-context.ts";

/** A context takes some tens of kilobytes, with the system's authorities some hundreds; clients choose by SNI among them. */
const MAX_CONTEXTS = 256;

interface Entry {
  context: TlsContext | undefined;
  /** Of the files, when they were read. */
  version: string;
  /** Of files that could not be used: they are not read again until they have changed. */
  badVersion: string | undefined;
  loading: Promise<TlsContext> | undefined;
}

/**
 * Contexts by their settings, read again when a file has changed: the next handshake has the new certificate, connections
 * that are open keep theirs. Files that are half written or wrong leave the context as it was, which is told once.
 */
export class TlsContexts {
  readonly #entries = new Map<string, Entry>();
  readonly #onTrouble: (problem: unknown) => void;
  readonly #maxContexts: number;

  /** @param onTrouble Files have changed, and cannot be used. */
  constructor(onTrouble: (problem: unknown) => void, maxContexts = MAX_CONTEXTS) {
    this.#onTrouble = onTrouble;
    this.#maxContexts = maxContexts;
  }

  /**
   * The context for a handshake that begins now.
   *
   * @throws {ConfigError} it cannot be made, and there is no older one; so does the promise.
   */
  get(settings: ContextSettings): TlsContext | Promise<TlsContext> {
    const key = JSON.stringify(settings);
    const version = versionOf(filesOf(settings));
    const entry = this.#entryOf(key);
    const { context } = entry;
    if (context !== undefined && (entry.version === version || entry.badVersion === version)) return context;
    entry.loading ??= this.#load(key, entry, settings, version);
    return entry.loading;
  }

  /** The least recently used one goes when there are too many. */
  #entryOf(key: string): Entry {
    const known = this.#entries.get(key);
    const entry = known ?? { context: undefined, version: "", badVersion: undefined, loading: undefined };
    if (known !== undefined) this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > this.#maxContexts) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    return entry;
  }

  async #load(key: string, entry: Entry, settings: ContextSettings, version: string): Promise<TlsContext> {
    try {
      const context = await loadTlsContext(settings);
      entry.context = context;
      entry.version = version;
      entry.badVersion = undefined;
      return context;
    } catch (err) {
      if (entry.context === undefined) {
        if (this.#entries.get(key) === entry) this.#entries.delete(key);
        throw err;
      }
      entry.badVersion = version;
      this.#onTrouble(err);
      return entry.context;
    } finally {
      entry.loading = undefined;
    }
  }
}

/**
 * What a change of the files changes: time, size and inode of each. Looked at before they are read, so that a change
 * while they are is seen the next time. Without waiting, for each handshake asks: a look takes some microseconds.
 */
function versionOf(files: readonly string[]): string {
  return files
    .map((file) => {
      const found = statSync(file, { throwIfNoEntry: false, bigint: true });
      return found === undefined ? "none" : `${found.mtimeNs}/${found.size}/${found.ino}`;
    })
    .join(" ");
}
