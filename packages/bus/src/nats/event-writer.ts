import { headers } from "@nats-io/nats-core";
import { eventSubject, type MailEvent } from "@postbus/contracts";
import { BusUnavailableError } from "../bus-error.ts";
import { idToken } from "./item-subject.ts";
import type { Link } from "./link.ts";
import { isPassing, readPubAck } from "./server-error.ts";

/** Events that wait for the server's answer. Beyond it the newest are dropped and counted: events never stop mail. */
const MAX_WAITING = 50_000;
/** How long an event is tried. */
const BUDGET_MS = 60_000;
const RETRY_PAUSE_MS = 500;

/** Puts events on their stream behind the mail's back: nobody waits for it, what gets lost is reported. */
export class EventWriter {
  readonly #link: Link;
  readonly #prefix: string;
  readonly #idle: Set<() => void> = new Set();
  #waiting = 0;
  #dropped = 0;

  constructor(link: Link, prefix: string) {
    this.#link = link;
    this.#prefix = prefix;
  }

  /** How many were lost since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** What is written before an acknowledgement goes out before it, over the same connection. */
  write(event: MailEvent): void {
    if (this.#waiting >= MAX_WAITING) {
      this.#drop(new Error(`${MAX_WAITING} events wait already`));
      return;
    }
    this.#waiting++;
    this.#deliver(event)
      .catch((err: unknown) => this.#drop(err))
      .finally(() => {
        if (--this.#waiting > 0) return;
        for (const resolve of this.#idle) resolve();
        this.#idle.clear();
      });
  }

  /** @throws {BusUnavailableError} if there is no room to keep them until the server has them. */
  take(events: readonly MailEvent[]): void {
    if (this.#waiting + events.length > MAX_WAITING) throw new BusUnavailableError("too many events wait already");
    for (const event of events) this.write(event);
  }

  /** Resolves when nothing waits any more, or the time is up. */
  async flush(timeoutMs: number): Promise<void> {
    if (this.#waiting === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle.add(resolve);
    const timer = setTimeout(resolve, timeoutMs);
    await promise;
    clearTimeout(timer);
  }

  async #deliver(event: MailEvent): Promise<void> {
    const subject = this.#prefix + eventSubject(event);
    const payload = Buffer.from(JSON.stringify(event));
    const giveUpAtMs = performance.now() + BUDGET_MS;
    for (;;) {
      const hdrs = headers();
      hdrs.set("Nats-Msg-Id", idToken(event.id));
      try {
        readPubAck(await this.#link.request(subject, payload, hdrs));
        return;
      } catch (err) {
        if (!isPassing(err) || performance.now() > giveUpAtMs) throw err;
        if (this.#link.disconnectedAt === undefined)
          await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS));
        await this.#link.connected(Math.max(0, giveUpAtMs - performance.now()));
      }
    }
  }

  #drop(err: unknown): void {
    this.#dropped++;
    this.#link.onProblem("an event was lost", err);
  }
}
