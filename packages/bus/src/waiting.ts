import type { MailEvent } from "@postbus/contracts";
import type { Queue } from "./bus.ts";

export type WaitingState =
  /** To be handed out, or in a handler's hands. */
  | "ready"
  /** Not before its time. */
  | "deferred"
  /** Waits for an operator. */
  | "frozen";

export interface WaitingItem {
  readonly id: string;
  readonly messageId: string;
  readonly queue: Queue;
  readonly state: WaitingState;
  readonly notBeforeMs?: number;
  /** Why it is frozen. */
  readonly reason?: string;
  readonly header: unknown;
  /** Octets of content. */
  readonly size: number;
}

export interface WaitingCounts {
  readonly route: number;
  readonly deliver: number;
  readonly deferred: number;
  readonly frozen: number;
}

/** The queue as operators see it. Commands on items that are gone, or in a handler's hands, say so: false. */
export interface Waiting {
  counts(): Promise<WaitingCounts>;
  /** How many messages wait, whatever number of items each has. Looks at every item: for who asks once. */
  messageCount(): Promise<number>;
  /** In order of item id, which is the order of arrival. @param after Item id behind which to go on. */
  list(options: {
    readonly state?: WaitingState;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly WaitingItem[]>;
  ofMessage(messageId: string): Promise<readonly WaitingItem[]>;
  /** Makes a deferred or frozen item ready. */
  takeNow(itemId: string): Promise<boolean>;
  /** Takes a ready (not in work) or deferred item out of circulation. */
  freeze(itemId: string, reason: string): Promise<boolean>;
  /**
   * Gives a deferred or frozen item another header; it waits as before. What its header says now may have been changed
   * since it was read: the last one counts.
   */
  revise(itemId: string, header: object): Promise<boolean>;
  /**
   * Ends an item without handling it. Its content goes with the message's last item.
   *
   * @param eventsIfComplete As in `Outcome`.
   */
  remove(itemId: string, events: readonly MailEvent[], eventsIfComplete: readonly MailEvent[]): Promise<boolean>;
}
