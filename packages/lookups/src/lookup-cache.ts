import type { Finding } from "./lookup-type.ts";

/** `undefined` is kept as well: that there is no such key. */
interface Kept {
  readonly finding: Finding | undefined;
  /** Milliseconds, monotonic. */
  readonly expiresAtMs: number;
}

/** Answers of one scope; a message that asks for more than this forgets the earliest. */
const MAX_ANSWERS = 1_000;
/** Files that a scope remembers to have seen; a forgotten one is looked at again. */
const MAX_FILES = 100;

/**
 * What was answered within one scope (an SMTP transaction, a routing run of one message), by file or driver, and which
 * version of a file the scope has seen. Never shared between messages.
 */
export class LookupCache {
  readonly #handles = new Map<string, Map<string, Kept>>();
  readonly #files = new Map<string, unknown>();
  #answers = 0;

  /** @param handle A file or a driver. @returns undefined: not known; `finding` undefined: known not to be there. */
  get(handle: string, key: string, nowMs: number): { readonly finding: Finding | undefined } | undefined {
    const kept = this.#handles.get(handle)?.get(key);
    return kept === undefined || kept.expiresAtMs <= nowMs ? undefined : kept;
  }

  set(handle: string, key: string, finding: Finding | undefined, nowMs: number): void {
    if (this.#answers >= MAX_ANSWERS) {
      this.#handles.clear();
      this.#answers = 0;
    }
    let answers = this.#handles.get(handle);
    if (answers === undefined) {
      answers = new Map();
      this.#handles.set(handle, answers);
    }
    const ttlSeconds = finding?.ttlSeconds;
    if (!answers.has(key)) this.#answers++;
    answers.set(key, { finding, expiresAtMs: ttlSeconds === undefined ? Infinity : nowMs + ttlSeconds * 1000 });
  }

  /** Nothing that was kept of it holds any more. */
  forget(handle: string): void {
    this.#answers -= this.#handles.get(handle)?.size ?? 0;
    this.#handles.delete(handle);
  }

  /** The file as this scope has seen it; its type is the caller's affair, who is the only one to set it. */
  fileOf(handle: string): unknown {
    return this.#files.get(handle);
  }

  setFile(handle: string, file: unknown): void {
    if (this.#files.size >= MAX_FILES) this.#files.clear();
    this.#files.set(handle, file);
  }
}
