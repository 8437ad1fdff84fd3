import type { EventLog } from "@postbus/bus";
import type { Completed, Decided, Noted, Received, Rejected, Written } from "@postbus/contracts";
import type { Logger } from "pino";

/** What is recorded of messages that are not on the bus. */
type Told = Completed | Decided | Noted | Received | Rejected | Written;

/** Events that wait to be recorded; above it they are dropped and counted: a flood of refusals must not cost memory. */
const MAX_WAITING = 1_000;
/** Why something was refused is longer than that it was, and less missed: it gets no more than half of the room. */
const MAX_DECIDED_WAITING = MAX_WAITING / 2;
/** So many in one record: refusals are not worth a write each. */
const MAX_BATCH = 100;
/** For so long fewer of them wait for more. */
const PAUSE_MS = 100;

/**
 * Brings `smtp:reject` events and all that is said of sessions and of messages that are not on the bus (lines that the policy writes,
 * connections, lost clients) to the event log without making any session wait. Best effort.
 */
export class Rejections {
  readonly #events: Pick<EventLog, "record">;
  readonly #log: Logger;
  readonly #waiting: Told[] = [];
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;
  #recording: Promise<void> | undefined;

  constructor(events: Pick<EventLog, "record">, log: Logger) {
    this.#events = events;
    this.#log = log;
  }

  add(event: Told): void {
    const limit = event.name === "msg:decided" ? MAX_DECIDED_WAITING : MAX_WAITING;
    if (this.#waiting.length >= limit) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(event);
    this.#schedule();
  }

  /** Records what waits. */
  async stop(): Promise<void> {
    while (this.#recording !== undefined || this.#waiting.length > 0) await this.#flush();
  }

  #schedule(): void {
    if (this.#recording !== undefined || this.#waiting.length === 0) return;
    if (this.#waiting.length >= MAX_BATCH) void this.#flush();
    else this.#timer ??= setTimeout(() => void this.#flush(), PAUSE_MS);
  }

  /** Never rejects. */
  #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#recording ??= this.#record().finally(() => {
      this.#recording = undefined;
      this.#schedule();
    });
    return this.#recording;
  }

  async #record(): Promise<void> {
    const batch = this.#waiting.splice(0, MAX_BATCH);
    if (batch.length === 0) return;
    try {
      await this.#events.record(batch);
    } catch (err) {
      this.#dropped += batch.length;
      this.#log.debug({ err }, "lines could not be recorded");
    }
    if (this.#dropped > 0) {
      this.#log.warn({ dropped: this.#dropped }, "refusals and other lines of the log were not recorded");
      this.#dropped = 0;
    }
  }
}
