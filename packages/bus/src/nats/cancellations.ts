import type { Committer } from "./committer.ts";
import { cancelledItem } from "./item-codec.ts";
import type { Place, Placed } from "./item-writer.ts";
import type { Link } from "./link.ts";
import type { ServerApi } from "./server-api.ts";
import type { Names } from "./topology.ts";

/** How long one wait for the connection is; then it is asked whether anybody still wants it. */
const RECONNECT_MS = 60_000;
const PAUSE_MS = 500;
/** Publishes that were given up and not cancelled yet. Each holds a subject and an id. */
const MAX_PENDING = 10_000;

/**
 * Publishes that were given up with their outcome unknown.
 *
 * The client was told 451 and will come again: a copy that was stored after all must not be delivered as well. As soon
 * as there is a connection, a marker takes the item's id, so that no late copy can be stored, and both are removed.
 * After a server's restart consumers leave older items alone for `GRACE_MS`, which gives us the time.
 */
export class Cancellations {
  readonly #link: Link;
  readonly #api: ServerApi;
  readonly #names: Names;
  readonly #committers: Readonly<Record<Place, Committer>>;
  readonly #pending = new Set<Promise<void>>();

  constructor(link: Link, api: ServerApi, names: Names, committers: Readonly<Record<Place, Committer>>) {
    this.#link = link;
    this.#api = api;
    this.#names = names;
    this.#committers = committers;
  }

  /** Resolves when nothing is left to be cancelled, or the time is up. */
  async settled(timeoutMs: number): Promise<void> {
    if (this.#pending.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    await Promise.race([promise, Promise.all(this.#pending)]);
    clearTimeout(timer);
  }

  add({ place, message }: Placed): void {
    const { subject, id = "" } = message;
    if (this.#pending.size >= MAX_PENDING) {
      this.#link.onProblem(`cancelling ${id}`, new Error(`${MAX_PENDING} wait already`));
      return;
    }
    const cancelling = this.#cancel(place, subject, id)
      .catch((err: unknown) => this.#link.onProblem(`cancelling ${id}`, err))
      .finally(() => this.#pending.delete(cancelling));
    this.#pending.add(cancelling);
  }

  async #cancel(place: Place, subject: string, id: string): Promise<void> {
    while (!this.#link.isClosed) {
      try {
        await this.#link.connected(RECONNECT_MS);
        await this.#committers[place].publish({ subject, id, payload: cancelledItem() });
        await this.#api.purge(this.#streamOf(place), subject);
        return;
      } catch (err) {
        this.#link.onProblem(`cancelling ${id}`, err);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
  }

  #streamOf(place: Place): string {
    return place === "route" || place === "deliver" ? this.#names.work[place] : this.#names[place];
  }
}
