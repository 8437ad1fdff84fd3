import { jetstream } from "@nats-io/jetstream";
import type { Queue } from "../bus.ts";
import { BusUnavailableError } from "../bus-error.ts";
import { BUNDLE_ITEMS, MOVED, tailsOf } from "./item-subject.ts";
import { type Link, ReplyLostError } from "./link.ts";
import type { ServerApi } from "./server-api.ts";
import type { Names } from "./topology.ts";

/** Messages asked for at one time; each is a subject and a header of at most 5 KB. */
const BATCH = 1_000;
const EXPIRES_MS = 5_000;
/** What was read is let go when it was not asked for in so long. */
const FORGET_AFTER_MS = 300_000;

/**
 * Which items lie in a stream of ready work, handled ones that were not removed yet included. Read from the messages'
 * subjects and headers, without their octets, and only what has come since the last time.
 */
export class ReadyIndex {
  readonly stream: string;
  readonly #link: Link;
  readonly #api: ServerApi;
  readonly #bySeq = new Map<number, readonly string[]>();
  readonly #seqOf = new Map<string, number>();
  #readUpTo = 0;
  #readAtMs = 0;
  #reading: Promise<void> | undefined;

  constructor(link: Link, api: ServerApi, names: Names, queue: Queue) {
    this.#link = link;
    this.#api = api;
    this.stream = names.work[queue];
  }

  /**
   * As it is when this is called, or later.
   *
   * @returns the items of each message, as `tail`s, by sequence.
   * @throws {BusUnavailableError}
   */
  async read(): Promise<ReadonlyMap<number, readonly string[]>> {
    // A reading that is under way may have begun before what is asked for was there.
    await this.#reading?.catch(() => {}); // Whoever began it is told.
    this.#reading ??= this.#readOn().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
    return this.#bySeq;
  }

  /** Where it lay at the last `read`. @param itemTail As `tail`. */
  seqOf(itemTail: string): number | undefined {
    return this.#seqOf.get(itemTail);
  }

  /** The message is gone, though others before it are still there. */
  drop(seq: number, tails = this.#bySeq.get(seq)): void {
    this.#bySeq.delete(seq);
    for (const itemTail of tails ?? []) if (this.#seqOf.get(itemTail) === seq) this.#seqOf.delete(itemTail);
  }

  async #readOn(): Promise<void> {
    if (performance.now() - this.#readAtMs > FORGET_AFTER_MS) this.#forget(Number.POSITIVE_INFINITY);
    this.#readAtMs = performance.now();
    const { state } = await this.#api.call(`ask ${this.stream}`, ({ streams }) => streams.info(this.stream));
    // The stream was made anew.
    if (state.last_seq < this.#readUpTo) this.#forget(Number.POSITIVE_INFINITY);
    this.#forget(state.first_seq);
    this.#readUpTo = Math.max(this.#readUpTo, state.first_seq - 1);
    if (this.#readUpTo < state.last_seq) await this.#readAll(state.last_seq);
  }

  /** @throws {BusUnavailableError} whatever goes wrong: it has to be asked again. */
  async #readAll(last: number): Promise<void> {
    try {
      await this.#api.call(`read ${this.stream}`, () => this.#readTo(last));
    } catch (err) {
      if (err instanceof BusUnavailableError) throw err;
      throw new BusUnavailableError(`read ${this.stream}`, { cause: err });
    }
  }

  async #readTo(last: number): Promise<void> {
    const consumer = await jetstream(this.#link.connection).consumers.get(this.stream, {
      headers_only: true,
      opt_start_seq: this.#readUpTo + 1,
    });
    try {
      while (this.#readUpTo < last) {
        const messages = await consumer.fetch({ max_messages: BATCH, expires: EXPIRES_MS });
        let pending = 0;
        for await (const { seq, subject, headers, info } of messages) {
          const tails = tailsOf(subject, headers?.get(BUNDLE_ITEMS) ?? "");
          // What is left of a bundle has taken its place.
          if (headers?.has(MOVED) === true) for (const itemTail of tails) this.drop(this.#seqOf.get(itemTail) ?? 0);
          this.#note(seq, tails);
          pending = info.pending;
          if (pending === 0) break;
        }
        if (pending > 0 || this.#readUpTo >= last) continue;
        // The last ones were removed meanwhile, or are not on the server that was asked.
        const next = await this.#api.nextOfLeader(this.stream, this.#readUpTo + 1);
        if (next !== undefined && next <= last)
          throw new ReplyLostError(`${this.stream} ${next} cannot be read yet`, { mayBeDone: false });
        this.#readUpTo = last;
      }
    } finally {
      await consumer.delete().catch(() => {}); // The server forgets it by itself.
    }
  }

  #note(seq: number, tails: readonly string[]): void {
    this.#readUpTo = seq;
    this.#bySeq.set(seq, tails);
    for (const itemTail of tails) this.#seqOf.set(itemTail, seq);
  }

  /** The map is in the order of sequences. */
  #forget(before: number): void {
    for (const [seq, tails] of this.#bySeq) {
      if (seq >= before) break;
      this.drop(seq, tails);
    }
    if (before === Number.POSITIVE_INFINITY) this.#readUpTo = 0;
  }
}
