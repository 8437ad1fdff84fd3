import type { Link } from "./link.ts";
import type { ServerApi } from "./server-api.ts";

/** How often what has been handled is removed. */
const EVERY_MS = 5_000;
/**
 * For how long handled items stay: a server that was killed rebuilds from them which ids it has seen, so that a publish
 * whose answer was lost is still recognised.
 */
const KEPT_MS = 10_000;

/** Removes the handled items at the head of a stream, all with one command. */
export class Purger {
  readonly #link: Link;
  readonly #api: ServerApi;
  readonly #stream: string;
  readonly #consumer: string;
  readonly #timer: NodeJS.Timeout;
  /** Up to where everything was handled, and since when that is known. */
  readonly #samples: { readonly atMs: number; readonly seq: number }[] = [];
  #purgedUpTo = 0;
  #isBusy = false;

  constructor(link: Link, api: ServerApi, stream: string, consumer: string) {
    this.#link = link;
    this.#api = api;
    this.#stream = stream;
    this.#consumer = consumer;
    this.#timer = setInterval(() => {
      if (this.#isBusy || link.disconnectedAt !== undefined) return;
      this.#isBusy = true;
      this.purge()
        .catch((err: unknown) => link.onProblem(`removing what was handled from ${stream}`, err))
        .finally(() => {
          this.#isBusy = false;
        });
    }, EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async purge(): Promise<void> {
    const { config, state } = await this.#api.call(`ask ${this.#stream}`, ({ streams }) => streams.info(this.#stream));
    // Room for new mail is worth more.
    const keptMs = config.max_bytes > 0 && state.bytes > config.max_bytes / 2 ? 0 : KEPT_MS;
    const info = await this.#api.call(`ask ${this.#consumer}`, ({ consumers }) =>
      consumers.info(this.#stream, this.#consumer),
    );
    const now = performance.now();
    this.#samples.push({ atMs: now, seq: info.ack_floor.stream_seq });
    while (this.#samples.length > 1 && (this.#samples[1]?.atMs ?? now) <= now - keptMs) this.#samples.shift();
    const [oldest] = this.#samples;
    if (oldest === undefined || oldest.atMs > now - keptMs || oldest.seq <= this.#purgedUpTo) return;
    if (this.#link.isClosed) return;
    await this.#api.call(`purge ${this.#stream}`, ({ streams }) =>
      streams.purge(this.#stream, { seq: oldest.seq + 1 }),
    );
    this.#purgedUpTo = oldest.seq;
  }
}
