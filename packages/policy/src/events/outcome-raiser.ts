import type { MailEvent } from "@postbus/contracts";
import type { EventActions } from "./event-actions.ts";
import { type RaisedOutcome, raiseComplete, raiseOutcome } from "./outcome-actions.ts";

/** As the bus has it. */
interface Outcome {
  readonly events?: readonly MailEvent[];
  readonly eventsIfComplete?: readonly MailEvent[];
  readonly whenComplete?: () => void;
}

export interface OutcomeRaiserDeps {
  readonly service: "router" | "delivery";
  /** Of the bus: for lines that come behind a commit. */
  record(events: readonly MailEvent[]): Promise<void>;
  readonly log: { error(facts: object, text: string): void };
}

/** Does what `event_action` says about outcomes, for all items of a process. Without one, an outcome goes through untouched. */
export class OutcomeRaiser {
  readonly #deps: OutcomeRaiserDeps;
  readonly #running = new Set<Promise<void>>();

  constructor(deps: OutcomeRaiserDeps) {
    this.#deps = deps;
  }

  /** @returns the outcome with the lines that actions have written. */
  async raise<O extends Outcome>(outcome: O, of: Omit<RaisedOutcome, "events">, actions: EventActions): Promise<O> {
    const { events = [], eventsIfComplete } = outcome;
    const { service } = this.#deps;
    const all = await raiseOutcome({ ...of, events }, actions, service);
    const { main } = actions;
    const isWatched = main !== undefined && eventsIfComplete !== undefined && eventsIfComplete.length > 0;
    return { ...outcome, events: all, ...(isWatched ? { whenComplete: () => this.#complete(of, main) } : {}) };
  }

  /** Lines that belong to no outcome any more. */
  record(lines: readonly MailEvent[]): void {
    const { record, log } = this.#deps;
    const done = record(lines)
      .catch((err: unknown) => log.error({ err }, "lines of event_action could not be recorded"))
      .finally(() => this.#running.delete(done));
    this.#running.add(done);
  }

  /** Waits for what is still done about messages that are complete. */
  async stop(): Promise<void> {
    await Promise.all(this.#running);
  }

  #complete({ workId, item }: Omit<RaisedOutcome, "events">, main: NonNullable<EventActions["main"]>): void {
    const { service, record, log } = this.#deps;
    const done = raiseComplete(workId, item, main, service)
      .then((lines) => (lines.length === 0 ? undefined : record(lines)))
      .catch((err: unknown) => log.error({ err, messageId: item.messageId }, "msg:complete"))
      .finally(() => this.#running.delete(done));
    this.#running.add(done);
  }
}
