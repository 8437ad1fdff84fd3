import { createHash } from "node:crypto";
import type { KeyValue } from "@postbus/bus";
import type { RetryRecord } from "./retry-record.ts";

/** What others have written is seen after so long. */
const FRESH_MS = 5_000;
/** What has been heard longer ago is nothing to go by: it may have ended, and begun again. It is asked for as at first. */
const STALE_MS = 60_000;
/** A first look waits so long for the store; then nothing is known. These are hints: without them mail is only tried more often. */
const READ_DEADLINE_MS = 1_000;
/** Keys remembered at one time, those included of which nothing is known. About 400 octets each. The others are in the store. */
const MAX_KNOWN = 20_000;
/** Of records that had to make room here, numbers that stand for their keys: so many, about 40 octets each. */
const MAX_DROPPED = 200_000;
/** Writes under way at one time. More are not made: a lost one does no harm. */
const MAX_WRITES = 1_000;
const MAX_TEXT = 512;

interface Known {
  record: RetryRecord | undefined;
  readAtMs: number;
  /** Counts changes made here: what was read before one of them is out of date. */
  changes: number;
  isBeingRead: boolean;
  /** Asked for since it was looked at last for whether it can go. */
  isUsed: boolean;
  /** Until something has been heard of it. */
  first: Promise<RetryRecord | undefined> | undefined;
}

export interface RetryRecordsOptions {
  readonly values: Pick<KeyValue, "get" | "put" | "delete">;
  /** `retry_data_expire`: asked for each record. */
  readonly expireMs: () => number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** The store does not answer; told once for each time that it begins to fail. */
  readonly onTrouble: (err: unknown) => void;
}

/**
 * Retry records of hosts and addresses, shared by all replicas: what fails for one is not tried by the others before its time.
 *
 * They are hints. A copy of those in use is kept here, so that no message waits for the store but the first to a host;
 * changes are written behind the back of whoever makes them, and may be lost.
 */
export class RetryRecords {
  readonly #options: RetryRecordsOptions;
  /** The oldest first; one that is used gets a second chance before it makes room. */
  readonly #known = new Map<string, Known>();
  /** Not known here any more, but in the store. */
  readonly #dropped = new Set<number>();
  #writes = 0;
  #isInTrouble = false;

  constructor(options: RetryRecordsOptions) {
    this.#options = options;
  }

  /** A promise only for a key of which nothing has been heard yet, or not for long. */
  read(key: string): RetryRecord | undefined | Promise<RetryRecord | undefined> {
    const known = this.#known.get(key);
    if (known === undefined) return this.#readFirst(key);
    known.isUsed = true;
    if (known.first !== undefined) return known.first;
    const nowMs = this.#options.now();
    if (nowMs - known.readAtMs > STALE_MS) {
      known.record = undefined;
      return this.#readFirst(key);
    }
    if (nowMs - known.readAtMs > FRESH_MS && !known.isBeingRead) void this.#refresh(key, known);
    return this.#valid(known.record, nowMs);
  }

  /** Several beside each other, so that none waits for the store behind another: after this, each can be read at once. */
  async readAll(keys: Iterable<string>): Promise<void> {
    const waits: Promise<unknown>[] = [];
    for (const key of keys) {
      const found = this.read(key);
      if (found instanceof Promise) waits.push(found);
    }
    if (waits.length > 0) await Promise.all(waits);
  }

  write(key: string, record: RetryRecord): void {
    const known = this.#of(key);
    known.record = { ...record, text: record.text.slice(0, MAX_TEXT) };
    known.readAtMs = this.#options.now();
    known.changes++;
    this.#store((values) => values.put(nameOf(key), { k: key, ...known.record }, { ttlMs: this.#options.expireMs() }));
  }

  /** What has failed has succeeded. Costs nothing where nothing had failed. */
  forget(key: string): void {
    if (this.#known.get(key)?.record !== undefined) this.wipe(key);
    else if (this.#dropped.size > 0 && this.#dropped.has(numberOf(key))) this.wipe(key);
  }

  /** The same where it is known from elsewhere that there is something, though this process need not have read it. */
  wipe(key: string): void {
    const known = this.#known.get(key);
    if (known !== undefined) {
      known.record = undefined;
      known.changes++;
    }
    if (this.#dropped.size > 0) this.#dropped.delete(numberOf(key));
    this.#store((values) => values.delete(nameOf(key)));
  }

  /** This process remembers nothing. */
  get isEmpty(): boolean {
    return this.#known.size === 0;
  }

  #readFirst(key: string): Promise<RetryRecord | undefined> {
    const known = this.#of(key);
    known.first = this.#inTime(key, known);
    return known.first;
  }

  async #inTime(key: string, known: Known): Promise<RetryRecord | undefined> {
    let deadline: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      deadline = setTimeout(resolve, READ_DEADLINE_MS);
    });
    await Promise.race([this.#refresh(key, known), timeout]);
    clearTimeout(deadline);
    known.first = undefined;
    return this.#valid(known.record, this.#options.now());
  }

  async #refresh(key: string, known: Known): Promise<void> {
    known.isBeingRead = true;
    const { changes } = known;
    try {
      const found = await this.#options.values.get(nameOf(key));
      if (known.changes === changes) known.record = recordIn(found?.value);
      this.#isInTrouble = false;
    } catch (err) {
      this.#trouble(err);
    } finally {
      known.isBeingRead = false;
      known.readAtMs = this.#options.now();
    }
  }

  #store(act: (values: RetryRecordsOptions["values"]) => Promise<unknown>): void {
    if (this.#writes >= MAX_WRITES) return;
    this.#writes++;
    act(this.#options.values)
      .then(
        () => {
          this.#isInTrouble = false;
        },
        (err: unknown) => this.#trouble(err),
      )
      .finally(() => this.#writes--);
  }

  #trouble(err: unknown): void {
    if (!this.#isInTrouble) this.#options.onTrouble(err);
    this.#isInTrouble = true;
  }

  #of(key: string): Known {
    const found = this.#known.get(key);
    if (found !== undefined) return found;
    const known = {
      ...{ record: undefined, readAtMs: this.#options.now(), changes: 0 },
      ...{ isBeingRead: false, isUsed: false, first: undefined },
    };
    this.#known.set(key, known);
    if (this.#known.size > MAX_KNOWN) this.#dropOne();
    return known;
  }

  /** The one that has not been asked for for the longest time, nearly. Its record stays in the store and is read again from there. */
  #dropOne(): void {
    for (const [key, known] of this.#known) {
      this.#known.delete(key);
      if (known.isUsed) {
        known.isUsed = false;
        this.#known.set(key, known);
        continue;
      }
      if (known.record !== undefined) this.#noteDropped(key);
      return;
    }
  }

  #noteDropped(key: string): void {
    this.#dropped.add(numberOf(key));
    if (this.#dropped.size <= MAX_DROPPED) return;
    for (const oldest of this.#dropped) {
      this.#dropped.delete(oldest);
      return;
    }
  }

  #valid(record: RetryRecord | undefined, nowMs: number): RetryRecord | undefined {
    return record === undefined || nowMs - record.lastTriedAtMs > this.#options.expireMs() ? undefined : record;
  }
}

/** Keys of the store are short and plain; ours hold a peer's words. */
const nameOf = (key: string): string => createHash("sha256").update(key, "latin1").digest("hex");

/** FNV-1a. Two keys with one number cost a needless deletion in the store, of what is not there. */
function numberOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  // Small enough for the engine to keep it without an object.
  return hash >>> 2;
}

/** Written by another version, it may be anything. */
function recordIn(value: unknown): RetryRecord | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { firstFailedAtMs, lastTriedAtMs, nextTryAtMs, isExpired, errno, text } = value as Partial<RetryRecord>;
  const times = [firstFailedAtMs, lastTriedAtMs, nextTryAtMs, errno];
  if (!times.every(Number.isFinite) || typeof isExpired !== "boolean" || typeof text !== "string") return undefined;
  return value as RetryRecord;
}
