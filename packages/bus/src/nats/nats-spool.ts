import { createHash, type Hash } from "node:crypto";
import type { SpoolReference } from "@postbus/contracts";
import { type ReadOptions, type Spool, SpoolError, type SpoolWriter } from "@postbus/spool";
import { Committer } from "./committer.ts";
import { idToken } from "./item-subject.ts";
import type { Link } from "./link.ts";
import type { ServerApi } from "./server-api.ts";
import type { Names } from "./topology.ts";

/** Octets in one message; well below the server's `max_payload` (1 MiB by default). */
const CHUNK_OCTETS = 256 * 1024;
/** Chunks of one message on their way at one time: bounds its memory, hides the latency of the sync. */
const ON_THE_WAY = 4;

/** Large content as numbered chunks on a stream: `content.<id>.<n>`. */
export class NatsSpool implements Spool {
  readonly #api: ServerApi;
  readonly #names: Names;
  readonly #committer: Committer;

  constructor(link: Link, api: ServerApi, names: Names) {
    this.#api = api;
    this.#names = names;
    // Side by side, not in batches: chunks are large, and a batch is staged on the disk before it is stored.
    this.#committer = new Committer(link, { batches: false });
  }

  async create(id: string): Promise<SpoolWriter> {
    await this.remove(id);
    return new ChunkWriter(this.#committer, this.#prefix(id), id, () => this.remove(id));
  }

  async *read(reference: SpoolReference, { start = 0 }: ReadOptions = {}): AsyncIterable<Buffer> {
    const { id, size, sha256 } = reference;
    if (start > 0 && start >= size) return;
    const hash = createHash("sha256");
    const count = Math.ceil(size / CHUNK_OCTETS);
    let held: Buffer | undefined;
    const first = Math.floor(start / CHUNK_OCTETS);
    let octets = first * CHUNK_OCTETS;
    for (let n = first; n < count; n++) {
      const stored = await this.#api.lastOf(this.#names.content, `${this.#prefix(id)}${n}`);
      if (stored === undefined) throw new SpoolError(`content ${id}: part ${n} of ${count} is missing`);
      const chunk = Buffer.from(stored.data.buffer, stored.data.byteOffset, stored.data.byteLength);
      hash.update(chunk);
      octets += chunk.length;
      if (held !== undefined) yield held;
      held = n === first ? chunk.subarray(start - first * CHUNK_OCTETS) : chunk;
    }
    if (size === 0 && !(await this.#exists(id))) throw new SpoolError(`content ${id}: missing`);
    // The last octets are given out only when all of them are known to be right.
    const isWhole = first > 0 || hash.digest("hex") === sha256;
    if (octets !== size || !isWhole) throw new SpoolError(`content ${id}: damaged`);
    if (held !== undefined) yield held;
  }

  async remove(id: string): Promise<void> {
    await this.#api.purge(this.#names.content, `${this.#prefix(id)}>`);
  }

  async sweep(minAgeMs: number, isInUse: (id: string) => Promise<boolean>): Promise<number> {
    // The first chunk of each tells its age.
    const firsts = await this.#api.subjects(this.#names.content, `${this.#names.subject}content.*.0`);
    let removed = 0;
    for (const subject of firsts) {
      const id = subject.split(".").at(-2) ?? "";
      // Names made of message ids are tokens as they are; what is not, nobody can be asked about.
      if (id !== idToken(id)) continue;
      const stored = await this.#api.lastOf(this.#names.content, subject);
      if (stored === undefined || Date.now() - stored.atMs < minAgeMs || (await isInUse(id))) continue;
      await this.remove(id);
      removed++;
    }
    return removed;
  }

  async #exists(id: string): Promise<boolean> {
    return (await this.#api.lastOf(this.#names.content, `${this.#prefix(id)}0`)) !== undefined;
  }

  #prefix(id: string): string {
    return `${this.#names.subject}content.${idToken(id)}.`;
  }
}

class ChunkWriter implements SpoolWriter {
  readonly #committer: Committer;
  readonly #prefix: string;
  readonly #id: string;
  readonly #remove: () => Promise<void>;
  readonly #hash: Hash = createHash("sha256");
  readonly #onTheWay = new Set<Promise<unknown>>();
  #chunk = Buffer.allocUnsafe(CHUNK_OCTETS);
  #filled = 0;
  #count = 0;
  #size = 0;
  #failure: unknown;

  constructor(committer: Committer, prefix: string, id: string, remove: () => Promise<void>) {
    this.#committer = committer;
    this.#prefix = prefix;
    this.#id = id;
    this.#remove = remove;
  }

  async write(octets: Uint8Array): Promise<void> {
    this.#hash.update(octets);
    this.#size += octets.length;
    for (let at = 0; at < octets.length; ) {
      const part = octets.subarray(at, at + CHUNK_OCTETS - this.#filled);
      this.#chunk.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === CHUNK_OCTETS) await this.#send();
    }
    this.#check();
  }

  async finish(): Promise<SpoolReference> {
    if (this.#filled > 0 || this.#count === 0) await this.#send();
    await Promise.all(this.#onTheWay);
    this.#check();
    return { id: this.#id, size: this.#size, sha256: this.#hash.digest("hex") };
  }

  async abort(): Promise<void> {
    await Promise.all(this.#onTheWay);
    await this.#remove();
  }

  /** Resolves when there is room for the next chunk. */
  async #send(): Promise<void> {
    this.#check();
    const n = this.#count++;
    const payload = this.#chunk.subarray(0, this.#filled);
    const sending = this.#committer
      .publish({ subject: `${this.#prefix}${n}`, id: `${this.#id}-${n}`, payload })
      .catch((err: unknown) => {
        this.#failure ??= err;
      })
      .finally(() => this.#onTheWay.delete(sending));
    this.#onTheWay.add(sending);
    this.#chunk = Buffer.allocUnsafe(CHUNK_OCTETS);
    this.#filled = 0;
    while (this.#onTheWay.size >= ON_THE_WAY) await Promise.race(this.#onTheWay);
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
