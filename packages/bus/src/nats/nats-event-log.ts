import { setTimeout as delay } from "node:timers/promises";
import type { JetStreamManager } from "@nats-io/jetstream";
import { type Msg, nanos } from "@nats-io/nats-core";
import type { MailEvent } from "@postbus/contracts";
import type { Subscription } from "../bus.ts";
import type { EventBatch, EventLog, FollowOptions } from "../event-log.ts";
import type { EventWriter } from "./event-writer.ts";
import type { Link } from "./link.ts";
import { deliveryOf, PullSource } from "./pull-source.ts";
import { RecentIds } from "./recent-ids.ts";
import type { ServerApi } from "./server-api.ts";
import type { Names } from "./topology.ts";

const BATCH = 500;
/** The server forgets a follower of which it has not heard for so long. */
const INACTIVE_MS = 60_000;
/** After a failure, the handler's or the server's. */
const PAUSE_MS = 500;

/** Ids of events that were given out, kept to drop repetitions: minutes of a busy fleet, in some 15 MB. */
const SEEN_MAX = 200_000;
/** A follower that goes on where its predecessor stopped learns from so many messages before what that one has seen. */
const LEARN_MESSAGES = 20_000;

interface Received {
  readonly seq: number;
  readonly data: Uint8Array;
}

export class NatsEventLog implements EventLog {
  readonly #link: Link;
  readonly #api: ServerApi;
  readonly #names: Names;
  readonly #writer: EventWriter;

  constructor(link: Link, api: ServerApi, names: Names, writer: EventWriter) {
    this.#link = link;
    this.#api = api;
    this.#names = names;
    this.#writer = writer;
  }

  async record(events: readonly MailEvent[]): Promise<void> {
    this.#writer.take(events);
  }

  async follow(options: FollowOptions, handler: (batch: EventBatch) => Promise<void>): Promise<Subscription> {
    const follower = new Follower(this.#link, this.#api, this.#names, options.batch ?? BATCH, handler);
    await follower.start(options.after);
    return follower;
  }
}

/** Reads the stream in order with a consumer of its own, which is made anew behind the last position when it was lost. */
class Follower implements Subscription {
  readonly #link: Link;
  readonly #api: ServerApi;
  readonly #names: Names;
  readonly #batch: number;
  readonly #handler: (batch: EventBatch) => Promise<void>;
  /** An item that is handled again raises its events again. */
  readonly #seen = new RecentIds(SEEN_MAX);
  readonly #received: Received[] = [];
  readonly #stopping = new AbortController();
  #source: PullSource | undefined;
  /** Sequence of the last event that was handled; behind `#received`. */
  #position = 0;
  #order = 0;
  /** What lies from here to the position is only looked at; 0: nothing. */
  #learnFrom = 0;
  #reopening = false;
  #wake: (() => void) | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(link: Link, api: ServerApi, names: Names, batch: number, handler: (batch: EventBatch) => Promise<void>) {
    this.#link = link;
    this.#api = api;
    this.#names = names;
    this.#batch = batch;
    this.#handler = handler;
  }

  async start(after: string | undefined): Promise<void> {
    const { state } = await this.#api.call("ask for events", ({ streams }) => streams.info(this.#names.events));
    if (after === "end") this.#position = state.last_seq;
    else if (after === undefined) this.#position = Math.max(0, state.first_seq - 1);
    else this.#position = /^\d+$/.test(after) ? Number(after) : Number.POSITIVE_INFINITY;
    // A stream that was lost and made anew counts from the beginning: everything in it is new, and a gap lies before. So it
    // is with a position of the embedded bus, whose data directory somebody goes on with.
    const gap = this.#position > state.last_seq;
    if (gap) this.#position = 0;
    if (after !== undefined && after !== "end") {
      this.#learnFrom = Math.max(1, state.first_seq, this.#position + 1 - LEARN_MESSAGES);
    }
    await this.#open();
    this.#running = this.#run(gap).catch((err: unknown) => this.#link.onProblem("following events", err));
  }

  async drain(): Promise<void> {
    this.#stopping.abort();
    this.#wake?.();
    await this.#source?.stop();
    await this.#running;
  }

  async #open(): Promise<void> {
    await this.#source?.stop();
    this.#received.length = 0;
    this.#order = 0;
    const consumer = await this.#api.call("follow events", (manager) => this.#consumer(manager));
    this.#source = new PullSource(this.#link, {
      stream: this.#names.events,
      consumer,
      capacity: () => 2 * this.#batch,
      room: () => (this.#stopping.signal.aborted ? 0 : 2 * this.#batch - this.#received.length),
      onMessage: (msg) => this.#take(msg),
      onGone: () => this.#reopen(),
    });
    this.#source.wake();
  }

  async #consumer({ consumers }: JetStreamManager): Promise<string> {
    const info = await consumers.add(this.#names.events, {
      ack_policy: "none",
      deliver_policy: "by_start_sequence",
      opt_start_seq: this.#learnFrom === 0 ? this.#position + 1 : this.#learnFrom,
      inactive_threshold: nanos(INACTIVE_MS),
      mem_storage: true,
      num_replicas: 1,
    });
    return info.name;
  }

  #take(msg: Msg): void {
    const { seq, order } = deliveryOf(msg.reply ?? "");
    if (order !== this.#order + 1) {
      this.#reopen(); // Something was lost on the way.
      return;
    }
    this.#order = order;
    if (seq <= this.#position) {
      for (const { id } of parse(msg.data)) this.#seen.add(id);
      // A consumer that has to be made anew begins where learning has come to.
      if (this.#learnFrom !== 0) this.#learnFrom = seq === this.#position ? 0 : seq + 1;
      return;
    }
    this.#learnFrom = 0;
    this.#received.push({ seq, data: msg.data });
    this.#wake?.();
  }

  #reopen(): void {
    if (this.#reopening || this.#stopping.signal.aborted) return;
    this.#reopening = true;
    this.#openAgain().catch((err: unknown) => this.#link.onProblem("following events", err));
  }

  async #openAgain(): Promise<void> {
    while (this.#reopening && !this.#stopping.signal.aborted && !this.#link.isClosed) {
      try {
        await this.#open();
        this.#reopening = false;
      } catch (err) {
        this.#link.onProblem("following events", err);
        await delay(PAUSE_MS);
      }
    }
  }

  async #run(gapBefore: boolean): Promise<void> {
    let gap = gapBefore;
    while (!this.#stopping.signal.aborted) {
      const received = this.#received.slice(0, this.#batch);
      const last = received.at(-1);
      if (last === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
        continue;
      }
      let expected = this.#position + 1;
      for (const { seq } of received) {
        if (seq !== expected) gap = true;
        expected = seq + 1;
      }
      const fresh = new Map<string, MailEvent>();
      for (const event of received.flatMap(({ data }) => parse(data))) {
        if (!this.#seen.has(event.id) && !fresh.has(event.id)) fresh.set(event.id, event);
      }
      const events = [...fresh.values()];
      try {
        await this.#handler({ events, position: String(last.seq), gap });
      } catch (err) {
        this.#link.onProblem("handling events", err);
        await delay(PAUSE_MS, undefined, { signal: this.#stopping.signal }).catch(() => {}); // Stopped meanwhile.
        continue;
      }
      gap = false;
      for (const { id } of events) this.#seen.add(id);
      this.#position = last.seq;
      // What came before a new start of the consumer was dropped, and will come again.
      while ((this.#received[0]?.seq ?? Number.POSITIVE_INFINITY) <= last.seq) this.#received.shift();
      this.#source?.wake();
    }
  }
}

/** One event a line. */
const parse = (data: Uint8Array): MailEvent[] =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    .toString()
    .split("\n")
    .map((line) => JSON.parse(line) as MailEvent);
