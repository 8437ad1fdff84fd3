import type { Entry, KeyValue } from "@postbus/bus";

/** A key-value store of this process, with the promises of the interface but for times to live. */
export class MemoryValues implements Pick<KeyValue, "get" | "create" | "update"> {
  readonly #entries = new Map<string, Entry>();
  #revision = 0;
  /** While it is set, the store is out of reach. */
  isAway = false;
  reads = 0;
  writes = 0;

  async get(key: string): Promise<Entry | undefined> {
    this.reads += 1;
    if (this.isAway) throw new Error("the store is away");
    return this.#entries.get(key);
  }

  async create(key: string, value: unknown): Promise<number | undefined> {
    return this.#entries.has(key) ? undefined : this.#put(key, value);
  }

  async update(key: string, value: unknown, revision: number): Promise<number | undefined> {
    return this.#entries.get(key)?.revision === revision ? this.#put(key, value) : undefined;
  }

  #put(key: string, value: unknown): number {
    this.writes += 1;
    this.#entries.set(key, { key, value: JSON.parse(JSON.stringify(value)), revision: ++this.#revision });
    return this.#revision;
  }
}
