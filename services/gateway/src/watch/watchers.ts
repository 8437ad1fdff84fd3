import type { RequestReply } from "@postbus/bus";
import { WatchRequest, watchedSubject, watchSubject } from "@postbus/contracts";
import type { Part } from "@postbus/service-kit";
import { Value } from "typebox/value";
import { Watcher } from "./watcher.ts";

/** At one time; each has a buffer. */
const MAX_WATCHERS = 8;
/** Lines gather for so long before they are sent. */
const SEND_MS = 100;

/** Those who look on at this gateway. While there is nobody, a session asks `isActive` for each line and no more. */
export class Watchers {
  /** Read for every line of every session. */
  isActive = false;
  /** Changes whenever somebody comes or goes. */
  generation = 0;
  readonly #bus: Pick<RequestReply, "broadcast">;
  readonly #instance: string;
  readonly #nowMs: () => number;
  readonly #watchers = new Map<string, Watcher>();
  #timer: NodeJS.Timeout | undefined;

  constructor(bus: Pick<RequestReply, "broadcast">, instance: string, nowMs: () => number = () => performance.now()) {
    this.#bus = bus;
    this.#instance = instance;
    this.#nowMs = nowMs;
  }

  get instance(): string {
    return this.#instance;
  }

  get all(): Iterable<Watcher> {
    return this.#watchers.values();
  }

  /** Hears of watchers by the bus. */
  async start(bus: Pick<RequestReply, "listen">): Promise<Part> {
    const subscription = await bus.listen(watchSubject, (body) => {
      if (Value.Check(WatchRequest, body)) this.take(body);
    });
    return {
      name: "watchers",
      stop: async () => {
        await subscription.drain();
        this.send();
        this.#watchers.clear();
        this.#changed();
      },
    };
  }

  /** Somebody has come, wants to stay, or goes. */
  take(request: WatchRequest): void {
    const known = this.#watchers.get(request.id);
    if (request.over === true) {
      if (this.#watchers.delete(request.id)) this.#changed();
    } else if (known !== undefined) {
      known.renew(this.#nowMs());
    } else if (this.#watchers.size < MAX_WATCHERS) {
      this.#watchers.set(request.id, new Watcher(request, this.#instance, this.#nowMs()));
      this.#changed();
    }
  }

  /** Sends what waits, and forgets who is gone. Called by a timer of its own. */
  send(): void {
    const nowMs = this.#nowMs();
    for (const watcher of this.#watchers.values()) {
      const report = watcher.report();
      if (report !== undefined) this.#bus.broadcast(watchedSubject(watcher.id), report);
      if (!watcher.hasExpired(nowMs)) continue;
      this.#watchers.delete(watcher.id);
      this.#changed();
    }
  }

  #changed(): void {
    this.generation += 1;
    this.isActive = this.#watchers.size > 0;
    if (!this.isActive) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    } else this.#timer ??= setInterval(() => this.send(), SEND_MS);
  }
}
