import type { MailEvent } from "@postbus/contracts";
import type { Subscription } from "./bus.ts";

export interface EventBatch {
  readonly events: readonly MailEvent[];
  /** Where to go on after these: to be stored together with what was made of them. Opaque. */
  readonly position: string;
  /** Events between the asked-for position and these are gone (aged out, stream lost). */
  readonly gap: boolean;
}

export interface FollowOptions {
  /** Position behind which to start; absent: with the oldest that is kept. `"end"`: only what comes from now on. */
  readonly after?: string;
  /** Events in one batch, at most (the embedded driver may give up to one commit more). */
  readonly batch?: number;
}

/** The record of what happened to mail: kept for a bounded time, read from any position, at least once. */
export interface EventLog {
  /** Batch after batch, in order; the next one is given when the handler's promise has resolved. A handler that throws gets the same batch again after a pause. */
  follow(options: FollowOptions, handler: (batch: EventBatch) => Promise<void>): Promise<Subscription>;
  /**
   * For events that no work item goes with (a refused command). Best effort: resolves when the driver has taken them,
   * not when they are on stable storage, and it must not make mail wait. Events that belong to an item travel with it.
   *
   * @throws {DeferError} if they could not be taken; the caller may drop them, and says so.
   */
  record(events: readonly MailEvent[]): Promise<void>;
}
