import type { MailEvent, Rejected } from "@postbus/contracts";
import type { DmarcResults } from "./dmarc-results.ts";
import type { MessageState } from "./message-state.ts";

/**
 * The events as tables: written by logger, read by status.
 *
 * Two drivers with the same tables: SQLite (one machine) and PostgreSQL (fleet). A method that cannot reach the
 * database throws `HistoryUnavailableError`; the mail does not depend on any of them.
 */
export interface History extends DmarcResults {
  /**
   * Takes over the part of the named reader: whoever held it before can append no more (`ReaderReplacedError`).
   *
   * @param name One per log directory: the position belongs to the files that were written from it.
   */
  openReader(name: string): Promise<HistoryReader>;
  /** Newest first, in order of message id. Looks at `SCAN_LIMIT` messages at most; `next` goes on behind them. */
  messages(filter: MessageFilter): Promise<MessagePage>;
  /** undefined: never seen, or aged out. */
  message(id: string): Promise<MessageHistory | undefined>;
  /** What was refused, newest first. @param before From the last page's `next`. */
  rejects(options: { readonly before?: string; readonly limit: number }): Promise<RejectPage>;
  /** One entry for every minute in which something happened, oldest first. @param sinceMs Epoch. */
  rates(sinceMs: number): Promise<readonly MinuteRate[]>;
  /**
   * Forgets a bounded number of messages that were accepted before `beforeMs`. Call it again while it is true.
   *
   * @param maxOctets SQLite: the oldest go, too, while the file holds more than this.
   */
  prune(options: { readonly beforeMs: number; readonly maxOctets?: number }): Promise<boolean>;
  close(): Promise<void>;
}

/** Follows the bus and stores what it has read. */
export interface HistoryReader {
  /** Where its predecessor stopped; absent: from the oldest event. */
  readonly resume: Appended | undefined;
  /**
   * Stores events and the reader's place together, or nothing. An event that is there already is not stored again.
   *
   * @throws {ReaderReplacedError} somebody else has opened the reader.
   */
  append(events: readonly MailEvent[], appended: Appended): Promise<void>;
}

export interface Appended {
  /** Of the bus, opaque; absent: nothing was read yet. */
  readonly position?: string;
  /** The reader's own note, kept with the position (logger: the sizes of its files). */
  readonly note: string;
}

export interface MessageFilter {
  /** Absent: all but the refused ones. */
  readonly state?: MessageState;
  /** Part of the return path, in any case. */
  readonly sender?: string;
  /** Part of a recipient's address, in any case. */
  readonly recipient?: string;
  /** Accepted at this time or later, milliseconds since the epoch. */
  readonly sinceMs?: number;
  /** Message id behind which to go on: `next` of the page before. */
  readonly after?: string;
  readonly limit: number;
}

export interface MessagePage {
  readonly messages: readonly MessageSummary[];
  /** Absent on the last page. A page with `next` may hold less than `limit`, even nothing. */
  readonly next?: string;
}

/** Text is Unicode here, also where the octets on the bus are UTF-8 in a latin1 string. */
export interface MessageSummary {
  readonly id: string;
  readonly state: MessageState;
  /** Absent while its arrival has not been read. */
  readonly receivedAtMs?: number;
  readonly returnPath?: string;
  /** As accepted by SMTP. */
  readonly recipients: readonly string[];
  /** Octets. */
  readonly size?: number;
  readonly clientAddress?: string;
}

export interface MessageHistory extends MessageSummary {
  /** In the order in which they were recorded. */
  readonly events: readonly MailEvent[];
  /** There are more than `EVENTS_LIMIT` events: the later ones are not shown. */
  readonly isCut: boolean;
  readonly recipientStates: readonly RecipientHistory[];
}

/** Where one recipient stands. Redirected ones appear under the addresses that they became, too. */
export interface RecipientHistory {
  readonly address: string;
  readonly state: "queued" | "deferred" | "delivered" | "failed" | "refused" | "discarded";
  readonly atMs?: number;
  /** What the last attempt met. */
  readonly text?: string;
  readonly host?: string;
  readonly nextTryAtMs?: number;
}

export interface RejectPage {
  readonly rejects: readonly Rejected[];
  readonly next?: string;
}

/** What happened in one minute; recipients for all but `received` (messages) and `rejected` (commands). */
export interface MinuteRate {
  /** Start of the minute, milliseconds since the epoch. */
  readonly minuteMs: number;
  readonly received: number;
  readonly delivered: number;
  readonly deferred: number;
  readonly failed: number;
  readonly rejected: number;
}

/** Messages that one call of `messages` looks at. Bounds the work of a filter that finds little (about 50 ms). */
export const SCAN_LIMIT = 50_000;
/** Events of one message that are read, for messages with very many recipients or attempts. */
export const EVENTS_LIMIT = 10_000;
/** Messages that one call of `prune` removes, so that appending is not kept waiting. */
export const PRUNE_CHUNK = 500;
