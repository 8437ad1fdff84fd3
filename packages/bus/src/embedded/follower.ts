import type { MailEvent } from "@postbus/contracts";
import type { EventBatch } from "../event-log.ts";

/** Pauses before a batch is given again to a handler that threw; the last one from then on. */
const RETRY_MS = [100, 1_000, 5_000];

/** The events of one commit, or of several that were put together. */
export interface EventCommit {
  /** Number of the first event; they are counted from 1 since the file was made. */
  readonly first: number;
  readonly last: number;
  readonly events: readonly MailEvent[];
}

export type EventHandler = (batch: EventBatch) => Promise<void>;

/** One reader of the log: waits, reads, hands over, goes on when that is done. */
export class Follower {
  #position: number | undefined;
  readonly #read: (position: number | undefined) => EventCommit | undefined;
  readonly #handler: EventHandler;
  readonly #storeId: string;
  #isStopped = false;
  #wakeUp: (() => void) | undefined;

  constructor(
    position: number | undefined,
    read: (position: number | undefined) => EventCommit | undefined,
    handler: EventHandler,
    storeId: string,
  ) {
    this.#position = position;
    this.#read = read;
    this.#handler = handler;
    this.#storeId = storeId;
  }

  wake(): void {
    this.#wakeUp?.();
  }

  stop(): void {
    this.#isStopped = true;
    this.wake();
  }

  async run(): Promise<void> {
    let failures = 0;
    while (!this.#isStopped) {
      const commit = this.#read(this.#position);
      if (commit === undefined) {
        await this.#sleep();
        continue;
      }
      const gap = this.#position === undefined || commit.first > this.#position + 1;
      try {
        await this.#handler({ events: commit.events, position: `${this.#storeId}:${commit.last}`, gap });
        this.#position = commit.last;
        failures = 0;
      } catch {
        // The handler's trouble is its own to log; the promise is only that it gets the same events again.
        await this.#sleep(RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
      }
    }
  }

  /** Until woken; if `ms` is given, until then or until stopped. */
  async #sleep(ms?: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
    this.#wakeUp = ms === undefined || this.#isStopped ? resolve : () => this.#isStopped && resolve();
    await promise;
    clearTimeout(timer);
    this.#wakeUp = undefined;
  }
}
