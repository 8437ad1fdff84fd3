import { BusUnavailableError } from "../bus-error.ts";
import { Committer } from "./committer.ts";
import type { Link } from "./link.ts";
import { RecentIds } from "./recent-ids.ts";
import type { ServerApi } from "./server-api.ts";
import type { Names } from "./topology.ts";

/** Ids in one record, at most. */
const RECORD_MAX = 2_000;
/**
 * Records on their way at one time. More than one, so that what a next hop has accepted leaves the process at once, and
 * not when the last record is answered: what is in the kernel's hands survives a `kill -9`. Few, so that under load
 * many ids share a sync.
 */
const RECORDS_ON_THE_WAY = 3;
/** Ids kept here, the latest: about as many as the stream keeps. */
const KNOWN_MAX = 500_000;
/** Records read at one time. */
const READ_BATCH = 256;
/** What was read is let go when it was not asked for in so long. */
const FORGET_AFTER_MS = 300_000;
const RETRY_PAUSE_MS = 500;
/** How long a server that lags behind the leader is waited for. */
const READ_DEADLINE_MS = 10_000;

interface Ended {
  readonly id: string;
  readonly resolve: () => void;
}

/**
 * The ids of items that have come to their end: the durable half of an acknowledgement.
 *
 * The server writes down acknowledgements when it has time; killed, it hands out again what was acknowledged in the
 * last seconds. A stream that deletes with each acknowledgement (work queue) would be exact, for one sync each: measured, three times the
 * server's work for a message. Here the ids of all items that end at the same time are one record, with one sync, and who
 * gets an item for the second time looks it up.
 */
export class DoneLog {
  readonly #link: Link;
  readonly #api: ServerApi;
  readonly #names: Names;
  readonly #committer: Committer;
  #queue: Ended[] = [];
  #isPlanned = false;
  #onTheWay = 0;
  #known: RecentIds | undefined;
  #readUpTo = 0;
  #askedAtMs = 0;
  #reading: Promise<void> | undefined;

  constructor(link: Link, api: ServerApi, names: Names) {
    this.#link = link;
    this.#api = api;
    this.#names = names;
    this.#committer = new Committer(link, { batches: false });
  }

  /** Resolves when it is on stable storage; goes on trying until the bus is closed. */
  write(id: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#queue.push({ id, resolve });
    this.#plan();
    return promise;
  }

  /** Those that end in the same turn go together. */
  #plan(): void {
    if (this.#isPlanned || this.#onTheWay >= RECORDS_ON_THE_WAY) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      const ended = this.#queue.splice(0, RECORD_MAX);
      if (ended.length === 0) return;
      this.#onTheWay++;
      this.#record(ended)
        .catch((err: unknown) => this.#link.onProblem("recording ends", err)) // A bug: the rest is caught inside.
        .finally(() => {
          this.#onTheWay--;
          if (this.#queue.length > 0) this.#plan();
        });
    });
  }

  /** @throws {BusUnavailableError} */
  async hasAny(ids: readonly string[]): Promise<boolean> {
    return (await this.endedOf(ids)).length > 0;
  }

  /** @returns those that have ended. @throws {BusUnavailableError} */
  async endedOf(ids: readonly string[]): Promise<readonly string[]> {
    this.#forgetOld();
    this.#askedAtMs = performance.now();
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
    return ids.filter((id) => this.#known?.has(id) === true);
  }

  async #record(ended: readonly Ended[]): Promise<void> {
    const payload = Buffer.from(ended.map(({ id }) => id).join("\n"));
    while (!this.#link.isClosed) {
      try {
        await this.#committer.publish({ subject: `${this.#names.subject}done.items`, payload });
        for (const { resolve } of ended) resolve();
        return;
      } catch (err) {
        this.#link.onProblem("recording ends", err);
        await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS));
      }
    }
  }

  /** Everything that was recorded before now. */
  async #read(): Promise<void> {
    const { state } = await this.#api.call("ask for ends", ({ streams }) => streams.info(this.#names.done));
    this.#known ??= new RecentIds(KNOWN_MAX);
    const giveUpAtMs = performance.now() + READ_DEADLINE_MS;
    // The server was made anew, or lost what it had.
    if (state.last_seq < this.#readUpTo) this.#readUpTo = 0;
    while (this.#readUpTo < state.last_seq) {
      const seq = Math.max(this.#readUpTo + 1, state.first_seq);
      const records = await this.#api.range(this.#names.done, seq, READ_BATCH);
      for (const { seq: last, data } of records) {
        for (const id of Buffer.from(data).toString().split("\n")) this.#known.add(id);
        this.#readUpTo = last;
      }
      if (records.length > 0) continue;
      // They were removed meanwhile, or are not on the server that was asked.
      const next = await this.#api.nextOfLeader(this.#names.done, this.#readUpTo + 1);
      if (next === undefined || next > state.last_seq) this.#readUpTo = state.last_seq;
      else if (next > this.#readUpTo + 1) this.#readUpTo = next - 1;
      else if (performance.now() > giveUpAtMs) throw new BusUnavailableError("the record of ends cannot be read yet");
      else await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS));
    }
  }

  #forgetOld(): void {
    if (this.#reading !== undefined || performance.now() - this.#askedAtMs < FORGET_AFTER_MS) return;
    this.#known = undefined;
    this.#readUpTo = 0;
  }
}
