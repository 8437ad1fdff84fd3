import { setImmediate as nextTurn } from "node:timers/promises";
import type { Entry, KeyValue } from "../key-value.ts";
import type { Draft } from "./draft.ts";
import type { Change } from "./group-commit.ts";
import type { Tables } from "./tables.ts";

/** As the interface says; with the bucket's name they stay below LMDB's limit for keys. */
const KEY = /^[A-Za-z0-9_=./-]{1,500}$/;
const BUCKET = /^[a-z-]{1,50}$/;
/** Row of the table `meta`: the last revision given out in any bucket. */
const REVISION = "revision";
/** Entries that are looked at in one turn of the event loop. */
const SWEEP_ROWS = 2_000;
/** When an entry expires, as `#write` has written it. */
const EXPIRY = /^\{"r":\d+,"e":(\d+),/;

interface StoredValue {
  /** Revision. */
  readonly r: number;
  /** Milliseconds since the epoch after which there is no value. */
  readonly e?: number;
  readonly v: unknown;
}

type Options = { readonly ttlMs?: number };

/** Buckets of shared values. Writes go with the group commit; what they depend on is looked up there, so they are atomic. */
export class Values {
  readonly #tables: Tables;
  readonly #now: () => number;
  readonly #commit: (change: Change) => void;

  constructor(tables: Tables, now: () => number, commit: (change: Change) => void) {
    this.#tables = tables;
    this.#now = now;
    this.#commit = commit;
  }

  bucket(name: string): KeyValue {
    if (!BUCKET.test(name)) throw new TypeError(`bus: not a name of a bucket: ${JSON.stringify(name)}`);
    const always = (): boolean => true;
    const write = async (key: string, value: unknown, options: Options, if_: Condition): Promise<number | undefined> =>
      this.#write(rowOf(name, key), value, options, if_);
    return {
      get: async (key) => this.#get(rowOf(name, key), key),
      put: async (key, value, options = {}) => (await write(key, value, options, always)) ?? 0,
      create: (key, value, options = {}) => write(key, value, options, (found) => found === undefined),
      update: (key, value, revision, options = {}) => write(key, value, options, (found) => found?.r === revision),
      delete: async (key) => {
        await this.#write(rowOf(name, key), undefined, {}, (found) => found !== undefined);
      },
      list: async (prefix = "") => this.#list(name, prefix),
    };
  }

  /** Forgets expired entries: all of them, some in each turn of the event loop. @param goesOn False: the storage is closed. */
  async sweep(goesOn: () => boolean): Promise<void> {
    for (let start: string | undefined = ""; start !== undefined && goesOn(); await nextTurn()) {
      start = this.#sweepFrom(start);
    }
  }

  /** @returns where to go on; undefined: that was the last. */
  #sweepFrom(start: string): string | undefined {
    const now = this.#now();
    const expired: string[] = [];
    let rows = 0;
    let last = start;
    for (const { key, value } of this.#tables.values.rows({ start, limit: SWEEP_ROWS })) {
      rows++;
      last = key;
      if (expiryOf(value) <= now) expired.push(key);
    }
    if (expired.length > 0) this.#commit(this.#dropping(expired, now));
    return rows < SWEEP_ROWS ? undefined : `${last}\0`;
  }

  #dropping(expired: readonly string[], now: number): Change {
    return {
      mustSucceed: false,
      apply: (draft) => {
        for (const key of expired) {
          // It may have been written again meanwhile.
          if (this.#valid(draft.get(this.#tables.values, key), now) === undefined) draft.drop(this.#tables.values, key);
        }
      },
      committed: () => {},
      // The next sweep finds the same entries.
      failed: () => {},
    };
  }

  #get(row: string, key: string): Entry | undefined {
    const found = this.#valid(this.#tables.values.get(row), this.#now());
    return found === undefined ? undefined : { key, value: found.v, revision: found.r };
  }

  #list(bucket: string, prefix: string): readonly Entry[] {
    const now = this.#now();
    const entries: Entry[] = [];
    const start = `${bucket}/${prefix}`;
    for (const { key, value } of this.#tables.values.rows({ start, end: `${start}\xff` })) {
      const found = this.#valid(value, now);
      if (found !== undefined) entries.push({ key: key.slice(bucket.length + 1), value: found.v, revision: found.r });
    }
    return entries;
  }

  /** @param value Undefined: the entry is removed. @returns the new revision, or undefined if the condition did not hold. */
  #write(row: string, value: unknown, { ttlMs }: Options, if_: Condition): Promise<number | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
    // Now and not in the commit: what cannot be JSON is the caller's error.
    const json = value === undefined ? undefined : JSON.stringify(value);
    let revision: number | undefined;
    this.#commit({
      mustSucceed: false,
      isNew: json !== undefined,
      apply: (draft) => {
        const now = this.#now();
        revision = undefined;
        if (!if_(this.#valid(draft.get(this.#tables.values, row), now))) return;
        revision = this.#nextRevision(draft);
        const expires = ttlMs === undefined ? "" : `"e":${now + ttlMs},`;
        if (json === undefined) draft.drop(this.#tables.values, row);
        else draft.replace(this.#tables.values, row, `{"r":${revision},${expires}"v":${json}}`);
      },
      committed: () => resolve(revision),
      failed: reject,
    });
    return promise;
  }

  #nextRevision(draft: Draft): number {
    const revision = Number(draft.get(this.#tables.meta, REVISION) ?? 0) + 1;
    draft.replace(this.#tables.meta, REVISION, String(revision));
    return revision;
  }

  #valid(stored: Buffer | string | undefined, now: number): StoredValue | undefined {
    if (stored === undefined) return undefined;
    const value = JSON.parse(stored.toString()) as StoredValue;
    return value.e !== undefined && value.e <= now ? undefined : value;
  }
}

function expiryOf(stored: Buffer | string): number {
  const [, at] = EXPIRY.exec(typeof stored === "string" ? stored : stored.toString("latin1", 0, 64)) ?? [];
  return at === undefined ? Number.POSITIVE_INFINITY : Number(at);
}

type Condition = (found: StoredValue | undefined) => boolean;

function rowOf(bucket: string, key: string): string {
  if (!KEY.test(key)) throw new TypeError(`bus: not a key: ${JSON.stringify(key.slice(0, 120))}`);
  return `${bucket}/${key}`;
}
