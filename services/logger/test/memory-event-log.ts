import { setTimeout as delay } from "node:timers/promises";
import type { EventBatch, EventLog, FollowOptions, Subscription } from "@postbus/bus";
import type { MailEvent } from "@postbus/contracts";

/** A record of events in memory that keeps the interface's promises. Its position is the number of events before it. */
export class MemoryEventLog implements EventLog {
  readonly #events: MailEvent[] = [];
  /** Events that are gone, from the beginning. */
  #lost = 0;
  #arrival = Promise.withResolvers<void>();

  async record(events: readonly MailEvent[]): Promise<void> {
    this.#events.push(...events);
    this.#arrival.resolve();
    this.#arrival = Promise.withResolvers<void>();
  }

  /** Forgets the oldest events, as if they had aged out. */
  lose(count: number): void {
    this.#lost += count;
  }

  async follow(options: FollowOptions, handler: (batch: EventBatch) => Promise<void>): Promise<Subscription> {
    let next = Number(options.after ?? 0);
    let isDrained = false;
    const run = async (): Promise<void> => {
      while (!isDrained) {
        const from = Math.max(next, this.#lost);
        const events = this.#events.slice(from, from + (options.batch ?? 100));
        if (events.length === 0) {
          await Promise.race([this.#arrival.promise, delay(20)]);
          continue;
        }
        try {
          await handler({ events, position: String(from + events.length), gap: from > next });
          next = from + events.length;
        } catch {
          await delay(5); // The interface: the same batch again after a pause.
        }
      }
    };
    const running = run();
    return {
      async drain() {
        isDrained = true;
        await running;
      },
    };
  }
}
