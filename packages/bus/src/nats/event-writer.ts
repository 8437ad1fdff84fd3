import { headers, nuid } from "@nats-io/nats-core";
import { eventSubject, type MailEvent } from "@postbus/contracts";
import { BusUnavailableError } from "../bus-error.ts";
import { idToken } from "./item-subject.ts";
import type { Link } from "./link.ts";
import { isPassing, readPubAck } from "./server-error.ts";

/** Events that wait for the server. Beyond it the newest are dropped and counted: events never stop mail. */
const MAX_WAITING = 50_000;
/** In one message. An event is some hundred octets, the server takes 1 MiB. */
const BUNDLE_MAX_EVENTS = 200;
const BUNDLE_MAX_OCTETS = 512 * 1024;
/** How long a bundle is tried. */
const BUDGET_MS = 60_000;
const RETRY_PAUSE_MS = 500;
/** Subject of events of several names and messages in one message. */
const SEVERAL = "event.several";

interface Waiting {
  readonly id: string;
  readonly subject: string;
  readonly json: string;
  readonly sent: () => void;
}

/**
 * Puts events on their stream. What gathers while the server answers goes as one message, one event a line: a message
 * for each took as much of the server's time as the mail itself. What gets lost is reported.
 */
export class EventWriter {
  readonly #link: Link;
  readonly #prefix: string;
  readonly #idle: Set<() => void> = new Set();
  #queue: Waiting[] = [];
  #isWriting = false;
  /** The last bundle did not arrive at first: nobody waits for the stream then. */
  #isStalled = false;
  #dropped = 0;

  constructor(link: Link, prefix: string) {
    this.#link = link;
    this.#prefix = prefix;
  }

  /** How many were lost since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Resolves when they are on their way to the server, so that what is sent afterwards over the same connection (that
   * their item is done) cannot arrive without them. While the stream does not answer, it resolves at once.
   */
  write(events: readonly MailEvent[]): Promise<void> {
    if (events.length === 0) return Promise.resolve();
    if (this.#queue.length + events.length > MAX_WAITING) {
      this.#drop(events.length, new Error(`${MAX_WAITING} events wait already`));
      return Promise.resolve();
    }
    const { promise, resolve: sent } = Promise.withResolvers<void>();
    for (const event of events) {
      this.#queue.push({ id: event.id, subject: eventSubject(event), json: JSON.stringify(event), sent });
    }
    if (!this.#isWriting) {
      this.#isWriting = true;
      // Those that are raised in the same turn go together.
      setImmediate(() => this.#pump().catch((err: unknown) => this.#link.onProblem("writing events", err)));
    }
    return this.#isStalled ? Promise.resolve() : promise;
  }

  /** @throws {BusUnavailableError} if there is no room to keep them until the server has them. */
  take(events: readonly MailEvent[]): void {
    if (this.#queue.length + events.length > MAX_WAITING) throw new BusUnavailableError("too many events wait already");
    this.write(events).catch((err: unknown) => this.#link.onProblem("writing events", err));
  }

  /** Resolves when nothing waits any more, or the time is up. */
  async flush(timeoutMs: number): Promise<void> {
    if (!this.#isWriting) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle.add(resolve);
    const timer = setTimeout(resolve, timeoutMs);
    await promise;
    clearTimeout(timer);
  }

  async #pump(): Promise<void> {
    try {
      while (this.#queue.length > 0 && !this.#link.isClosed) {
        const bundle = this.#bundle();
        try {
          await this.#deliver(bundle);
          this.#isStalled = false;
        } catch (err) {
          this.#drop(bundle.length, err);
        }
      }
    } finally {
      this.#isWriting = false;
      for (const resolve of this.#idle) resolve();
      this.#idle.clear();
    }
  }

  #bundle(): Waiting[] {
    let octets = 0;
    let count = 0;
    for (const { json } of this.#queue) {
      octets += json.length;
      if (count === BUNDLE_MAX_EVENTS || (count > 0 && octets > BUNDLE_MAX_OCTETS)) break;
      count++;
    }
    const bundle = this.#queue.slice(0, count);
    this.#queue = this.#queue.slice(count);
    return bundle;
  }

  async #deliver(bundle: readonly Waiting[]): Promise<void> {
    const [first] = bundle;
    if (first === undefined) return;
    const subject = this.#prefix + (bundle.length === 1 ? first.subject : SEVERAL);
    const payload = Buffer.from(bundle.map(({ json }) => json).join("\n"));
    const id = bundle.length === 1 ? idToken(first.id) : nuid.next();
    const giveUpAtMs = performance.now() + BUDGET_MS;
    for (;;) {
      const hdrs = headers();
      hdrs.set("Nats-Msg-Id", id);
      try {
        const answer = this.#link.request(subject, payload, hdrs);
        for (const { sent } of bundle) sent();
        readPubAck(await answer);
        return;
      } catch (err) {
        if (!isPassing(err) || performance.now() > giveUpAtMs) throw err;
        this.#isStalled = true;
        for (const { sent } of this.#queue) sent();
        if (this.#link.disconnectedAt === undefined) {
          await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS));
        }
        await this.#link.connected(Math.max(0, giveUpAtMs - performance.now()));
      }
    }
  }

  #drop(count: number, err: unknown): void {
    this.#dropped += count;
    this.#link.onProblem(`${count} events were lost`, err);
  }
}
