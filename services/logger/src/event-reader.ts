import { setTimeout as delay } from "node:timers/promises";
import type { EventBatch, EventLog, Subscription } from "@postbus/bus";
import { type History, type HistoryReader, ReaderReplacedError } from "@postbus/history";
import type { Logger } from "pino";
import { LogDirectory } from "./log-directory.ts";
import type { LogSettings } from "./log-settings.ts";

/**
 * The shortest time from batch to batch while there is little in one. Under load a batch costs the same for 3 events
 * as for 300, so they are let gather; an event after a quiet time is written at once.
 */
const BATCH_INTERVAL_MS = 100;
/** Events in one batch: a second of 1,000 messages, and some 2 MB of memory. */
const BATCH_EVENTS = 3_000;
/** Pause after a failure, doubled up to the longer one. */
const RETRY_MS = 500;
const RETRY_MAX_MS = 15_000;
/** At the end, the other services have just stopped: what they left in the record is still written, if it comes this soon. */
const LAST_EVENTS_MS = 150;
const LAST_EVENTS_MAX_MS = 2_000;

export interface EventReaderDeps {
  readonly events: EventLog;
  readonly history: History;
  /** Of the place in the record of events. */
  readonly name: string;
  /** What the policy in force says about logs. */
  readonly settings: () => LogSettings;
  readonly log: Logger;
  /** For tests; default `BATCH_INTERVAL_MS`. */
  readonly batchIntervalMs?: number;
  /** For tests; default `RETRY_MS`. */
  readonly retryMs?: number;
  readonly now?: () => number;
  /** Called after each batch has been committed. */
  onBatch(batch: EventBatch): void;
}

/**
 * Follows the record of events and writes it down, each event once: the log files first, then the history together
 * with the place in the record and the sizes of the files. Whatever fails, and wherever the process dies, the next
 * attempt begins at the committed place and cuts the files back to the committed sizes.
 *
 * Mail does not wait for it: a database that is away makes the logs late, nothing else.
 */
export class EventReader {
  readonly #deps: EventReaderDeps;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  /** Resolves when the first attempt has come to reading, or failed. */
  readonly started: Promise<void>;
  #problem: string | undefined = "not started";
  #lastBatchAtMs = 0;
  #isFinishing = false;

  constructor(deps: EventReaderDeps) {
    this.#deps = deps;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.started = promise;
    this.#running = this.#run(resolve);
  }

  /** Why nothing is written at present; undefined: all is well. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Writes what is in the record, then stops reading. */
  async stop(): Promise<void> {
    this.#isFinishing = true;
    const deadline = Date.now() + LAST_EVENTS_MAX_MS;
    let quietSince = Date.now();
    while (this.#problem === undefined && Date.now() < deadline && Date.now() - quietSince < LAST_EVENTS_MS) {
      await delay(LAST_EVENTS_MS / 5);
      quietSince = Math.max(quietSince, this.#lastBatchAtMs);
    }
    this.#stopping.abort();
    await this.#running;
  }

  async #run(attempted: () => void): Promise<void> {
    const { signal } = this.#stopping;
    const { log } = this.#deps;
    const { retryMs = RETRY_MS } = this.#deps;
    let pauseMs = retryMs;
    while (!signal.aborted) {
      const startedAtMs = this.#lastBatchAtMs;
      try {
        await this.#follow(attempted);
      } catch (err) {
        this.#problem = err instanceof Error ? err.message : String(err);
        attempted();
        if (err instanceof ReaderReplacedError) {
          log.error({ why: err.message }, "another logger has taken over");
          return;
        }
        if (this.#lastBatchAtMs !== startedAtMs) pauseMs = retryMs;
        log.error({ err, retryInMs: pauseMs }, "events are not written");
        // Ended by stop(): the loop's condition sees that.
        await delay(pauseMs, undefined, { signal }).catch(() => undefined);
        pauseMs = Math.min(pauseMs * 2, RETRY_MAX_MS);
      }
    }
  }

  /** One attempt: from the committed place until stop() or a failure. */
  async #follow(reading: () => void): Promise<void> {
    const { events, history, name, settings, now = Date.now } = this.#deps;
    const reader = await history.openReader(name);
    const { position, note } = reader.resume ?? {};
    const files = await LogDirectory.open(settings, note, now);
    try {
      await reader.append([], { note: files.note });
      const { promise: failed, reject: fail } = Promise.withResolvers<never>();
      failed.catch(() => undefined); // It is raced below; without a failure nobody asks.
      let isBroken = false;
      const handle = async (batch: EventBatch): Promise<void> => {
        // After a failure the bus offers the batch again, but the files must be cut back first.
        if (isBroken) throw new Error("a batch before this one was not written");
        try {
          await this.#write(batch, files, reader);
        } catch (err) {
          isBroken = true;
          fail(err);
          throw err;
        }
        await this.#gather(batch);
      };
      const options = { batch: BATCH_EVENTS, ...(position === undefined ? {} : { after: position }) };
      const subscription = await events.follow(options, handle);
      this.#problem = undefined;
      reading();
      await this.#until(subscription, failed);
    } finally {
      await files.close();
    }
  }

  async #until(subscription: Subscription, failed: Promise<never>): Promise<void> {
    const { signal } = this.#stopping;
    const { promise: stopped, resolve } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (signal.aborted) resolve();
    try {
      await Promise.race([stopped, failed]);
    } finally {
      await subscription.drain();
    }
  }

  async #write(batch: EventBatch, files: LogDirectory, reader: HistoryReader): Promise<void> {
    const { log } = this.#deps;
    if (batch.gap)
      log.warn({ position: batch.position }, "events are lost: the record begins later than where the logs end");
    if (await files.followRotation()) {
      await reader.append([], { note: files.note });
      log.info("log files were rotated");
    }
    await files.write(batch.events, batch.gap);
    await reader.append(batch.events, { position: batch.position, note: files.note });
    this.#lastBatchAtMs = Date.now();
    this.#deps.onBatch(batch);
  }

  async #gather({ events }: EventBatch): Promise<void> {
    if (this.#isFinishing || events.length >= BATCH_EVENTS) return;
    // Ended by stop(): then there is nothing to gather for.
    await delay(this.#deps.batchIntervalMs ?? BATCH_INTERVAL_MS, undefined, { signal: this.#stopping.signal }).catch(
      () => undefined,
    );
  }
}
