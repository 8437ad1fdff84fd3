import { nuid } from "@nats-io/nats-core";
import { type Link, ReplyLostError } from "./link.ts";
import { headersOf, type Message, PUBLISH_BUDGET_MS, sendUntilKnown } from "./send-until-known.ts";
import { asBusError, type PubAck, readPubAck } from "./server-error.ts";

/** The server takes 1,000 messages in an atomic batch (ADR-50). */
const BATCH_MAX_MESSAGES = 1_000;
/** Bounds what one commit makes the server stage, and the memory that waits for its end here. */
const BATCH_MAX_OCTETS = 8 * 1024 ** 2;
/**
 * Fewer messages than this are sent singly: a batch costs four syncs however small it is, and a directory made and
 * removed (nats-server 2.15.1), a single message one. Only what is found by its subject comes in batches, deferred and
 * frozen items; ready ones share a message (`BundleCommitter`).
 */
const BATCH_MIN_MESSAGES = 8;
/**
 * After a commit of many, their senders come again at about the same time: so long the next commit waits for as many.
 * A fraction of what a commit takes; who is alone never waits.
 */
const GATHER_MS = 5;
/** Messages on their way at one time where they are sent singly; Raft gathers them into its own group commits. */
const SINGLES_MAX = 512;
/** More than our headers take. */
export const HEADERS_MAX_OCTETS = 16 * 1024;

/** Puts messages on a stream. */
export interface Publisher {
  /**
   * Resolves when the message is on stable storage.
   *
   * @throws {BusFullError} it was refused for want of room: nothing is stored.
   * @throws {BusUnavailableError} the time is up: it is not stored, or that is unknown.
   */
  publish(message: Message): Promise<PubAck>;
}

export interface PublisherOptions {
  /** For how long a publish is tried that is not stored. Default `PUBLISH_BUDGET_MS`. */
  readonly budgetMs?: number;
  /** At the edge; told of what was given up and may be stored, so that it can be cancelled. */
  readonly onUnknown?: (message: Message) => void;
}

interface Entry {
  readonly message: Message;
  readonly giveUpAtMs: number;
  readonly resolve: (ack: PubAck) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Puts messages on one stream, durably; what gathers while a commit is on its way goes into the next one.
 *
 * On a single server that syncs every write, a commit is an atomic batch of messages that have nothing to do with each
 * other: one sync for all instead of one for each. A cluster gathers by itself, there they are sent side by side.
 */
export class Committer implements Publisher {
  readonly #link: Link;
  readonly #batches: boolean;
  readonly #budgetMs: number;
  readonly #onUnknown: ((message: Message) => void) | undefined;
  readonly #queue: Entry[] = [];
  #onTheWay = 0;
  #committing = false;
  #lastCount = 0;
  #gathering: NodeJS.Timeout | undefined;

  constructor(link: Link, options: PublisherOptions & { readonly batches: boolean }) {
    this.#link = link;
    this.#batches = options.batches;
    this.#budgetMs = options.budgetMs ?? PUBLISH_BUDGET_MS;
    this.#onUnknown = options.onUnknown;
  }

  publish(message: Message): Promise<PubAck> {
    const tooLarge = this.#link.tooLarge(message.payload.length + HEADERS_MAX_OCTETS);
    if (tooLarge !== undefined) return Promise.reject(new Error(`publish ${message.subject}: ${tooLarge}`));
    const { promise, resolve, reject } = Promise.withResolvers<PubAck>();
    this.#queue.push({ message, giveUpAtMs: performance.now() + this.#budgetMs, resolve, reject });
    // Those that come in the same turn go together.
    if (this.#queue.length === 1 || this.#queue.length === this.#lastCount) setImmediate(() => this.#pump());
    return promise;
  }

  #pump(): void {
    if (this.#batches) {
      if (this.#committing || this.#queue.length === 0 || this.#isGathering()) return;
      const entries = this.#take(BATCH_MAX_MESSAGES);
      this.#committing = true;
      this.#lastCount = entries.length;
      const commit =
        entries.length < BATCH_MIN_MESSAGES
          ? Promise.all(entries.map((entry) => this.#single(entry)))
          : this.#batch(entries);
      this.#whenOver(commit, () => {
        this.#committing = false;
      });
      return;
    }
    for (const entry of this.#take(SINGLES_MAX - this.#onTheWay)) {
      this.#onTheWay++;
      this.#whenOver(this.#single(entry), () => {
        this.#onTheWay--;
      });
    }
  }

  /** Whether it is better to wait a little for more. */
  #isGathering(): boolean {
    if (this.#lastCount < BATCH_MIN_MESSAGES / 2 || this.#queue.length >= this.#lastCount) {
      clearTimeout(this.#gathering);
      this.#gathering = undefined;
      return false;
    }
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      this.#lastCount = 0;
      this.#pump();
    }, GATHER_MS);
    return true;
  }

  #whenOver(commit: Promise<unknown>, note: () => void): void {
    commit
      .catch((err: unknown) => this.#link.onProblem("committing", err)) // The entries were told; this is a bug.
      .finally(() => {
        note();
        if (this.#queue.length > 0) this.#pump();
      });
  }

  #take(max: number): Entry[] {
    let octets = 0;
    let count = 0;
    while (count < Math.min(max, this.#queue.length)) {
      octets += this.#queue[count]?.message.payload.length ?? 0;
      if (count > 0 && octets > BATCH_MAX_OCTETS) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  /** Never rejects: the entry is told. */
  async #single({ message, giveUpAtMs, resolve, reject }: Entry): Promise<void> {
    try {
      resolve(await sendUntilKnown(this.#link, message, { giveUpAtMs, onUnknown: this.#onUnknown }));
    } catch (err) {
      reject(asBusError("publish", err));
    }
  }

  /** All or nothing; where it is nothing, or unknown, or one member is at fault, each goes on its own. */
  async #batch(entries: readonly Entry[]): Promise<void> {
    const batch = nuid.next();
    try {
      const last = entries.length - 1;
      for (const [index, { message }] of entries.entries()) {
        const hdrs = headersOf(message);
        hdrs.set("Nats-Batch-Id", batch);
        hdrs.set("Nats-Batch-Sequence", String(index + 1));
        if (index < last) this.#link.send(message.subject, message.payload, hdrs);
        else {
          hdrs.set("Nats-Batch-Commit", "1");
          const ack = readPubAck(await this.#link.request(message.subject, message.payload, hdrs));
          // The sequence of the batch's last message; they are numbered in order.
          for (const [i, { resolve }] of entries.entries()) resolve({ seq: ack.seq - last + i, duplicate: false });
        }
      }
    } catch (err) {
      if (!(err instanceof Error)) throw err;
      // A duplicate id (10201), a bad header, no room for all of them, a lost answer: the members know, one by one.
      // Those that were stored after all are recognised by their ids.
      if (err instanceof ReplyLostError) await this.#link.connected(this.#budgetMs).catch(() => {});
      for (let i = 0; i < entries.length; i += SINGLES_MAX) {
        await Promise.all(entries.slice(i, i + SINGLES_MAX).map((entry) => this.#single(entry)));
      }
    }
  }
}
