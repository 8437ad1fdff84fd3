import type { Publisher } from "./committer.ts";
import { cancelledItem } from "./item-codec.ts";
import { cancelledHeaders } from "./item-subject.ts";
import type { Link } from "./link.ts";
import type { Message } from "./send-until-known.ts";
import type { ServerApi } from "./server-api.ts";

/** How long one wait for the connection is; then it is asked whether anybody still wants it. */
const RECONNECT_MS = 60_000;
const PAUSE_MS = 500;
/** Publishes that were given up and not cancelled yet. Each holds a subject and an id. */
const MAX_PENDING = 10_000;

/**
 * Publishes that were given up with their outcome unknown.
 *
 * The clients were told 451 and will come again: a copy that was stored after all must not be delivered as well. As soon
 * as there is a connection, a marker takes its id, so that no late copy can be stored, and both are removed.
 * After a server's restart consumers leave older items alone for `GRACE_MS`, which gives us the time.
 */
export class Cancellations {
  readonly #link: Link;
  readonly #api: ServerApi;
  readonly #publisher: Publisher;
  readonly #pending = new Set<Promise<void>>();

  constructor(link: Link, api: ServerApi, publisher: Publisher) {
    this.#link = link;
    this.#api = api;
    this.#publisher = publisher;
  }

  /** Resolves when nothing is left to be cancelled, or the time is up. */
  async settled(timeoutMs: number): Promise<void> {
    if (this.#pending.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    await Promise.race([promise, Promise.all(this.#pending)]);
    clearTimeout(timer);
  }

  /** @param stream Where it may lie. */
  add(stream: string, { subject, id = "" }: Message): void {
    if (this.#pending.size >= MAX_PENDING) {
      this.#link.onProblem(`cancelling ${id}`, new Error(`${MAX_PENDING} wait already`));
      return;
    }
    const cancelling = this.#cancel(stream, subject, id)
      .catch((err: unknown) => this.#link.onProblem(`cancelling ${id}`, err))
      .finally(() => this.#pending.delete(cancelling));
    this.#pending.add(cancelling);
  }

  async #cancel(stream: string, subject: string, id: string): Promise<void> {
    while (!this.#link.isClosed) {
      try {
        await this.#link.connected(RECONNECT_MS);
        await this.#publisher.publish({ subject, id, payload: cancelledItem(), headers: cancelledHeaders });
        await this.#api.purge(stream, subject);
        return;
      } catch (err) {
        this.#link.onProblem(`cancelling ${id}`, err);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
  }
}
