import type { WorkItem } from "@postbus/bus";
import type { Transaction, TransactionResult } from "@postbus/smtp";

/** The message's content on its way out: in memory, or read piece by piece. */
export type OutgoingContent = Buffer | AsyncIterable<Buffer>;

/** What must still be so when the act that cannot be taken back is due. */
export type Lease = Pick<WorkItem, "isHeld" | "signal">;

/** Given up: whoever offers it has lost the item, or is told to stop. */
export const isTakenBack = (lease: Lease): boolean => !lease.isHeld() || lease.signal.aborted;

/** A message on its way over a connection, and whoever waits for what becomes of it. */
export type Offered = PromiseWithResolvers<TransactionResult> & {
  readonly content: OutgoingContent;
  readonly lease: Lease;
};

/** Offered while the one before waits for the reply to its final dot. */
export type Follower = Offered & {
  readonly transaction: Transaction;
  readonly isEnvelopeSent: boolean;
  readonly deadlineMs: number;
};

/** What is known of a message that the peer has not answered a word about. */
export const UNANSWERED: TransactionResult = { recipients: [], isUnanswered: true };
