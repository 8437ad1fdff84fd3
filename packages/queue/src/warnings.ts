import type { DeliveryItem, Recipient, RouteItem } from "@postbus/contracts";
import type { Attempted, ConcludeContext } from "./attempted.ts";
import { type DueWarnings, delayText, dueWarnings } from "./delay-warnings.ts";
import { errorsAddress, type Reported } from "./reported.ts";

const NONE: DueWarnings = { count: 0, delayMs: 0 };

/** Of the recipients that are deferred in one outcome, those whose sender is to be warned now. */
export class Warnings {
  readonly late: Reported[] = [];
  readonly #item: RouteItem | DeliveryItem;
  readonly #context: ConcludeContext;
  readonly #due: DueWarnings;

  constructor(item: RouteItem | DeliveryItem, context: ConcludeContext) {
    const { reports, nowMs } = context;
    this.#item = item;
    this.#context = context;
    // Nobody is told of what becomes of a report.
    const hasWarnings = reports !== undefined && reports.delayWarningsMs.length > 0 && item.returnPath !== "";
    this.#due = hasWarnings ? dueWarnings(reports.delayWarningsMs, nowMs - item.receivedAtMs) : NONE;
  }

  /** For how long the message has been waiting, in words. */
  get delay(): string {
    return delayText(this.#due.delayMs);
  }

  /** Notes a recipient that is deferred. @returns it with the number of warnings it has had. */
  noted(attempted: Attempted, position: number, next: Recipient): Recipient {
    const { recipient, result } = attempted;
    const { warningsSent = 0 } = recipient;
    const { count } = this.#due;
    if (count <= warningsSent || result.outcome !== "deferred") {
      return warningsSent === 0 ? next : { ...next, warningsSent };
    }
    const isWanted = recipient.notification?.notify?.includes("DELAY") ?? true;
    if (isWanted && errorsAddress(this.#item, attempted) !== "") {
      const cutoffMs = this.#context.retryRule(recipient.address).at(-1)?.cutoffMs;
      const since = next.firstFailedAtMs ?? this.#context.nowMs;
      const until = cutoffMs === undefined ? {} : { retryUntilMs: since + cutoffMs };
      this.late.push({ attempted, position, text: result.text, timedOut: false, ...until });
    }
    return { ...next, warningsSent: count };
  }
}
