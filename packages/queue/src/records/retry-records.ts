import { createHash } from "node:crypto";
import type { KeyValue } from "@postbus/bus";
import type { RetryRecord } from "./retry-record.ts";

/** What others have written is seen after so long. */
const FRESH_MS = 5_000;
/** What has been heard longer ago is nothing to go by: it may have ended, and begun again. It is asked for as at first. */
const STALE_MS = 60_000;
/** A first look waits so long for the store; then nothing is known. These are hints: without them mail is only tried more often. */
const READ_DEADLINE_MS = 1_000;
/** Keys remembered at one time, those included of which nothing is known. About 400 octets each. */
const MAX_KNOWN = 20_000;
/** Writes under way at one time. More are not made: a lost one does no harm. */
const MAX_WRITES = 1_000;
const MAX_TEXT = 512;

interface Known {
  record: RetryRecord | undefined;
  readAtMs: number;
  /** Counts changes made here: what was read before one of them is out of date. */
  changes: number;
  isBeingRead: boolean;
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
  /** In the order of changes, the latest last. */
  readonly #known = new Map<string, Known>();
  #writes = 0;
  #isInTrouble = false;

  constructor(options: RetryRecordsOptions) {
    this.#options = options;
  }

  /** A promise only for a key of which nothing has been heard yet, or not for long. */
  read(key: string): RetryRecord | undefined | Promise<RetryRecord | undefined> {
    const known = this.#known.get(key);
    if (known === undefined) return this.#readFirst(key);
    if (known.first !== undefined) return known.first;
    const nowMs = this.#options.now();
    if (nowMs - known.readAtMs > STALE_MS) {
      known.record = undefined;
      return this.#readFirst(key);
    }
    if (nowMs - known.readAtMs > FRESH_MS && !known.isBeingRead) void this.#refresh(key, known);
    return this.#valid(known.record, nowMs);
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
    const known = this.#known.get(key);
    if (known?.record === undefined) return;
    known.record = undefined;
    known.changes++;
    this.#store((values) => values.delete(nameOf(key)));
  }

  /** The same where it is known from elsewhere that there is something, though this process need not have read it. */
  wipe(key: string): void {
    const known = this.#known.get(key);
    if (known !== undefined) {
      known.record = undefined;
      known.changes++;
    }
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
    const known = this.#known.get(key) ?? {
      ...{ record: undefined, readAtMs: this.#options.now(), changes: 0, isBeingRead: false, first: undefined },
    };
    this.#known.delete(key);
    this.#known.set(key, known);
    if (this.#known.size > MAX_KNOWN) this.#dropOldest();
    return known;
  }

  /** A record that nobody asks for any more goes from the store, too: so its number is bounded there. */
  #dropOldest(): void {
    for (const [key, { record }] of this.#known) {
      this.#known.delete(key);
      if (record !== undefined) this.#store((values) => values.delete(nameOf(key)));
      return;
    }
  }

  #valid(record: RetryRecord | undefined, nowMs: number): RetryRecord | undefined {
    return record === undefined || nowMs - record.lastTriedAtMs > this.#options.expireMs() ? undefined : record;
  }
}

/** Keys of the store are short and plain; ours hold a peer's words. */
const nameOf = (key: string): string => createHash("sha256").update(key, "latin1").digest("hex");

/** Written by another version, it may be anything. */
function recordIn(value: unknown): RetryRecord | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { firstFailedAtMs, lastTriedAtMs, nextTryAtMs, isExpired, errno, text } = value as Partial<RetryRecord>;
  const times = [firstFailedAtMs, lastTriedAtMs, nextTryAtMs, errno];
  if (!times.every(Number.isFinite) || typeof isExpired !== "boolean" || typeof text !== "string") return undefined;
  return value as RetryRecord;
}
