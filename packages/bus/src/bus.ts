import type { Content, MailEvent } from "@postbus/contracts";
import type { Spool } from "@postbus/spool";
import type { EventLog } from "./event-log.ts";
import type { KeyValue } from "./key-value.ts";
import type { RequestReply } from "./request-reply.ts";
import type { Waiting } from "./waiting.ts";

/** The kinds of work; each has exactly one consuming service. They are the second token of the subject. */
export const QUEUES = ["route", "deliver"] as const;
export type Queue = (typeof QUEUES)[number];

/** A work item to be put on the bus. */
export interface Publication {
  readonly subject: string;
  /**
   * Stable (`nextItemId`): made again after a crash it is the same, so that the driver knows the repetition and keeps one.
   * (Embedded, the commit does; on NATS, where items share a message, whoever would publish it again looks first.)
   */
  readonly id: string;
  /** The message that the item is part of. When its last item is gone, the message is complete. */
  readonly messageId: string;
  /** JSON-shaped; its schema is in packages/contracts. Must not be changed afterwards. */
  readonly header: object;
  readonly content: Content;
  /** Milliseconds since the epoch before which nobody gets it. */
  readonly notBeforeMs?: number;
  /** Waits for an operator; the text says why. */
  readonly frozen?: string;
}

/** What became of a work item: the bus commits all of it together with the item's end, or none. */
export interface Outcome {
  readonly publish?: readonly Publication[];
  readonly events?: readonly MailEvent[];
  /** Raised, too, if the message has no item left after this commit. Its content is removed then. */
  readonly eventsIfComplete?: readonly MailEvent[];
  /** Called behind that commit, if the message has no item left. A process that dies in between does not call it again. */
  readonly whenComplete?: () => void;
}

/** A work item in the hands of a handler. */
export interface WorkItem {
  readonly id: string;
  readonly subject: string;
  readonly messageId: string;
  /** As published. The handler checks it against its schema. */
  readonly header: unknown;
  readonly content: Content;
  /** How often it has been handed out, this time included: above 1, an earlier holder may have done some of the work. */
  readonly handedOut: number;
  /**
   * Whether nobody else can have got the item by now, by the monotonic clock: to be asked right before an act that
   * cannot be taken back (the final dot). False after a pause longer than the lease.
   */
  isHeld(): boolean;
  /** What an earlier holder has noted by `remember`, and has died before its outcome was known. */
  readonly remembered?: unknown;
  /**
   * Notes at once what was done and cannot be taken back, for what follows from it takes time to find out: whoever gets the
   * item after the end of this process need not do it again. Without a journal (`ConsumeOptions`) nothing is noted.
   *
   * @param done JSON-shaped.
   */
  remember(done: object): void;
  /** Aborted when the lease is lost or the subscription is closed without grace. */
  readonly signal: AbortSignal;
}

/**
 * Item in, items out. Throwing gives the item back: it is handed out again after a pause, and frozen after
 * `MAX_HANDLER_FAILURES` times, so that one poisonous item cannot keep a service busy.
 */
export type Handler = (item: WorkItem) => Promise<Outcome>;

export const MAX_HANDLER_FAILURES = 3;

export interface ConsumeOptions {
  /** Items in the hands of the handler at one time. */
  readonly concurrency: number;
  /**
   * For handlers whose work cannot be taken back: directory where what they return is written down before it is
   * committed, so that a `kill -9` does not make another do it again. Processes may share it; it should survive the
   * restart of a container. The embedded bus has its own.
   */
  readonly journal?: string;
}

export interface Subscription {
  /** Takes no more items, then waits for the running handlers. What they do not finish is handed out again. */
  drain(): Promise<void>;
}

/**
 * The bus: durable work, questions with answers, shared values, the record of events.
 *
 * Drivers: embedded (LMDB, one process) and NATS JetStream (fleet); one suite of tests for both.
 */
export interface Bus extends RequestReply {
  /**
   * For the edge, where mail enters. Resolves when the item is on stable storage: only then may anyone say 250.
   * Repeats under the same id while the outcome is unknown.
   *
   * @throws {BusFullError} nothing was stored, for want of room: 452.
   * @throws {BusUnavailableError} nothing will be delivered of it: 451. (A copy that was stored after all is cancelled.)
   */
  publish(publication: Publication, events?: readonly MailEvent[]): Promise<void>;
  consume(queue: Queue, options: ConsumeOptions, handler: Handler): Promise<Subscription>;
  /** The items that are not in a handler's hands, for operators. */
  readonly waiting: Waiting;
  readonly events: EventLog;
  /** @param name Lower-case letters and hyphens. */
  keyValue(name: string): KeyValue;
  /** Content above `INLINE_LIMIT_OCTETS`. Removed by the bus with the message's last item. */
  readonly spool: Spool;
  /** What an operator should know about the storage; never throws. */
  health(): Promise<BusHealth>;
  /** After the subscriptions are drained: flushes and lets go of the storage. */
  close(): Promise<void>;
}

export interface BusHealth {
  readonly ok: boolean;
  /** `embedded`, or the server's name and version. */
  readonly text: string;
}
