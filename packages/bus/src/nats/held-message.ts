import type { Content } from "@postbus/contracts";
import type { WorkItem } from "../bus.ts";
import type { DecodedItem } from "./item-codec.ts";
import type { JournalDirectory } from "./journal-directory.ts";
import { elapsedMs, type Instant, instant, isLeaseValid, type LeaseTimes } from "./lease.ts";
import type { Link } from "./link.ts";

const WORKING = Buffer.from("+WPI");

/** A message as the server handed it out. */
export type Handed = Readonly<Pick<HeldMessage, "stream" | "seq" | "handedOut" | "reply" | "items" | "isMoved">>;

/** A message that this process has been handed: its items, its lease, and where its end is to be reported. */
export class HeldMessage {
  readonly stream: string;
  readonly seq: number;
  readonly items: readonly DecodedItem[];
  /** Its items may have been handed out before, as parts of another message. */
  readonly isMoved: boolean;
  readonly #link: Link;
  readonly #times: LeaseTimes;
  readonly #abort = new AbortController();
  /** How often it was handed out, this time included, as far as the server knows. */
  handedOut: number;
  /** Subject for acknowledgements; a new one whenever it is handed out again. */
  reply: string;
  /** Items that are waiting here or in a handler's hands. */
  left: number;
  /** Not all of its items have come to their end: it is to be handed out again. */
  isIncomplete = false;
  /** The server was told to hand it out again, and when. */
  isGivenBack = false;
  /** There is a claim of ours in the claims stream, to be renewed with the lease. */
  isClaimed = false;
  /** The server does not know that we have it: its end is not an acknowledgement, but the message's removal. */
  isForgotten = false;
  /** The consequences of its only item are published; what is left is to say so. */
  isEnding = false;
  /** Since when it is not known whether the server still knows that we have it. */
  doubtfulSince: Instant | undefined;
  readonly handedAt = instant();
  #renewedAt = this.handedAt;
  #isLost = false;
  #isRenewing = false;

  constructor(link: Link, times: LeaseTimes, handed: Handed) {
    this.#link = link;
    this.#times = times;
    this.stream = handed.stream;
    this.seq = handed.seq;
    this.handedOut = handed.handedOut;
    this.reply = handed.reply;
    this.items = handed.items;
    this.isMoved = handed.isMoved;
    this.left = handed.items.length;
  }

  isHeld(): boolean {
    if (this.#isLost) return false;
    return isLeaseValid(this.#renewedAt, this.#times.validMs, this.doubtfulSince ?? this.#link.disconnectedAt);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Somebody else has it, or may have: for good. */
  lose(why: string): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#abort.abort(new Error(why));
  }

  /** Makes it count as held again: a claim was won. */
  regain(): void {
    if (this.#abort.signal.aborted) return;
    this.#renewedAt = instant();
    this.doubtfulSince = undefined;
  }

  get needsRenewal(): boolean {
    return !this.#isRenewing && elapsedMs(this.#renewedAt) >= this.#times.renewEveryMs;
  }

  /** Only what the server has confirmed counts, from the time at which it was asked. */
  async renew(): Promise<void> {
    const askedAt = instant();
    this.#isRenewing = true;
    try {
      await this.#link.request(this.reply, WORKING);
      if (!this.#isLost && this.doubtfulSince === undefined) this.#renewedAt = askedAt;
    } finally {
      this.#isRenewing = false;
    }
  }

  /**
   * One of its items as the handler sees it.
   *
   * @param tries How often a handler has begun with it, this time included.
   * @param notes What was noted of it, and where.
   */
  workItem(item: DecodedItem, tries: number, notes: Notes): WorkItem {
    return new HandedItem(this, item, Math.max(tries, this.handedOut), notes);
  }
}

interface Notes {
  readonly remembered: unknown;
  readonly journal: JournalDirectory | undefined;
}

/** The handler's view. A class, so that making one costs no closures. */
class HandedItem implements WorkItem {
  readonly #held: HeldMessage;
  readonly id: string;
  readonly subject: string;
  readonly messageId: string;
  readonly content: Content;
  readonly handedOut: number;
  readonly header: unknown;
  readonly remembered: unknown;
  readonly #journal: JournalDirectory | undefined;

  constructor(held: HeldMessage, item: DecodedItem, handedOut: number, { remembered, journal }: Notes) {
    this.#held = held;
    this.id = item.meta.id;
    this.subject = item.meta.subject;
    this.messageId = item.meta.messageId;
    this.content = item.content;
    this.handedOut = handedOut;
    this.header = item.header;
    this.remembered = remembered;
    this.#journal = journal;
  }

  remember(done: object): void {
    this.#journal?.remember(this.id, done);
  }

  isHeld(): boolean {
    return this.#held.isHeld();
  }

  get signal(): AbortSignal {
    return this.#held.signal;
  }
}
