import type { Outcome, WorkItem } from "@postbus/bus";
import type { DeliveryItem, Recipient, RouteItem } from "@postbus/contracts";
import type { AttemptResult } from "./attempt-result.ts";
import type { RetryStep } from "./retry-delay.ts";

export interface Attempted {
  readonly recipient: Recipient;
  readonly result: AttemptResult;
  /** Where the decision came from, for the log; absent where none was reached. */
  readonly router?: string;
  readonly transport?: string;
}

export interface ConcludeContext {
  readonly service: "router" | "delivery";
  readonly nowMs: number;
  /** From 0 up to but not including 1. */
  readonly random: () => number;
  readonly primaryHostname: string;
  readonly retryRule: (address: string) => readonly RetryStep[];
}

/**
 * What follows from an attempt: retries, bounces, events. The same for a failure to route and a failure to deliver.
 * Ids of everything derive from the item's, so that a second run makes the same.
 */
export async function conclude(
  _work: Pick<WorkItem, "id" | "content" | "handedOut">,
  _item: RouteItem | DeliveryItem,
  _attempted: readonly Attempted[],
  _context: ConcludeContext,
): Promise<Outcome> {
  throw new Error("not here yet");
}
