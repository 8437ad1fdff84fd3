import type { MessageNotification, RecipientNotification } from "@postbus/smtp";
import type { TransactionFacts } from "./facts/transaction-facts.ts";

/** From so many recipients on, a set finds repetitions faster than a walk along the list. */
const MANY_RECIPIENTS = 16;

/** What MAIL says for extensions. */
interface EnvelopeExtras {
  readonly notification?: MessageNotification | undefined;
  readonly smtpUtf8?: boolean | undefined;
  readonly requireTls?: boolean | undefined;
  readonly sevenBit?: boolean | undefined;
  /** The path as it was given, if rewriting rules have changed it. */
  readonly givenPath?: string | undefined;
}

/** The envelope of the transaction that runs, and what is known about it. */
export class Envelope {
  /** As MAIL has it. */
  readonly givenPath: string;
  #returnPath: string;
  readonly eightBit: boolean;
  readonly facts: TransactionFacts;
  /** What MAIL has asked for of reports. */
  readonly notification: MessageNotification | undefined;
  /** Of RFC 6531. */
  readonly smtpUtf8: boolean;
  /** Of RFC 8689. */
  readonly requireTls: boolean;
  /** `BODY=7BIT` was said. */
  readonly sevenBit: boolean;
  readonly #notifications = new Map<string, RecipientNotification>();
  readonly #recipients: string[] = [];
  #seen: Set<string> | undefined;

  constructor(
    returnPath: string,
    eightBit: boolean,
    facts: TransactionFacts,
    {
      notification,
      smtpUtf8 = false,
      requireTls = false,
      sevenBit = false,
      givenPath = returnPath,
    }: EnvelopeExtras = {},
  ) {
    this.#returnPath = returnPath;
    this.givenPath = givenPath;
    this.eightBit = eightBit;
    this.facts = facts;
    this.notification = notification;
    this.smtpUtf8 = smtpUtf8;
    this.requireTls = requireTls;
    this.sevenBit = sevenBit;
  }

  get returnPath(): string {
    return this.#returnPath;
  }

  changeReturnPath(returnPath: string): void {
    this.#returnPath = returnPath;
  }

  /** In order. A recipient that was named twice is in it once: it would get the message twice. Letters' cases differ (RFC 5321 §2.4). */
  get recipients(): readonly string[] {
    return this.#recipients;
  }

  /** What RCPT has asked for of reports about a recipient; the first time, if it came twice. */
  notificationOf(recipient: string): RecipientNotification | undefined {
    return this.#notifications.get(recipient);
  }

  /** Those that are left when each has been asked about (PRDR). */
  keep(recipients: ReadonlySet<string>): void {
    const kept = this.#recipients.filter((recipient) => recipients.has(recipient));
    this.#recipients.splice(0, Infinity, ...kept);
  }

  add(recipient: string, notification?: RecipientNotification): void {
    if (this.#seen === undefined && this.#recipients.length >= MANY_RECIPIENTS) this.#seen = new Set(this.#recipients);
    if (this.#seen?.has(recipient) ?? this.#recipients.includes(recipient)) return;
    this.#seen?.add(recipient);
    this.#recipients.push(recipient);
    if (notification !== undefined) this.#notifications.set(recipient, notification);
  }
}
