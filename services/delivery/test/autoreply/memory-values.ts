import type { Entry, KeyValue } from "@postbus/bus";

/** Shared values that are only here; expiry is recorded and left to whoever asks. */
export class MemoryValues implements KeyValue {
  readonly entries = new Map<string, Entry & { readonly ttlMs: number | undefined }>();
  #revision = 0;

  async get(key: string): Promise<Entry | undefined> {
    return this.entries.get(key);
  }

  async put(key: string, value: unknown, { ttlMs }: { readonly ttlMs?: number } = {}): Promise<number> {
    const revision = ++this.#revision;
    this.entries.set(key, { key, value, revision, ttlMs });
    return revision;
  }

  async create(key: string, value: unknown, options?: { readonly ttlMs?: number }): Promise<number | undefined> {
    return this.entries.has(key) ? undefined : this.put(key, value, options);
  }

  async update(
    key: string,
    value: unknown,
    revision: number,
    options?: { readonly ttlMs?: number },
  ): Promise<number | undefined> {
    return this.entries.get(key)?.revision === revision ? this.put(key, value, options) : undefined;
  }

  async delete(key: string): Promise<void> {
    this.entries.delete(key);
  }

  async list(prefix = ""): Promise<readonly Entry[]> {
    return [...this.entries.values()].filter(({ key }) => key.startsWith(prefix));
  }
}
