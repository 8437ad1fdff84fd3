import type { Recipient } from "@postbus/contracts";
import {
  type AppendfileText,
  type AppendfileTransport,
  failureText,
  Tainted,
  textOf,
  type Value,
} from "@postbus/policy";
import type { Attempt } from "../attempt.ts";
import { LeaseLostError } from "../lease-lost-error.ts";
import { maildirName } from "../maildir/maildir-name.ts";
import type { MailboxDeps } from "./mailbox-deps.ts";
import { MailboxError, mailboxErrors } from "./mailbox-error.ts";
import type { Owner } from "./owner.ts";

type Variables = Readonly<Record<string, Value | number>>;

export interface JobParts {
  readonly attempt: Attempt;
  readonly transport: AppendfileTransport;
  /** Of the recipients in the item: those that share the copy. */
  readonly positions: readonly number[];
  readonly hostName: string;
  readonly deps: MailboxDeps;
}

/** One copy of a message for one mailbox, and what is known of it while it is delivered. */
export class MailboxJob {
  readonly attempt: Attempt;
  readonly transport: AppendfileTransport;
  readonly positions: readonly number[];
  readonly recipients: readonly Recipient[];
  readonly hostName: string;
  readonly deps: MailboxDeps;
  /** Follows from the work item and the recipient's place in it: a second run has the same. */
  readonly name: string;
  /** Whose the files become; undefined: ours. */
  owner: Owner | undefined;
  #doing = "";

  constructor({ attempt, transport, positions, hostName, deps }: JobParts) {
    this.attempt = attempt;
    this.transport = transport;
    this.positions = positions;
    this.recipients = positions.flatMap((position) => attempt.item.recipients[position] ?? []);
    this.hostName = hostName;
    this.deps = deps;
    this.name = maildirName(attempt.work.id, positions[0] ?? 0, attempt.item.queuedAtMs, hostName);
  }

  /** The address for which options are expanded: the first. */
  get address(): string {
    return this.recipients[0]?.address ?? "";
  }

  /** What is being tried, for when the operating system refuses: `while opening mailbox /m/ann`. */
  get doing(): string {
    return this.#doing;
  }

  set doing(what: string) {
    this.#doing = what;
  }

  /** Something may have been done in an earlier run. */
  get isRepeated(): boolean {
    return this.attempt.work.handedOut > 1;
  }

  /** @throws {LeaseLostError} somebody else may be at it: to be asked before an act that cannot be taken back. */
  mustBeHeld(): void {
    if (!this.attempt.work.isHeld()) throw new LeaseLostError("the item was not held when its file was complete");
  }

  /**
   * An option, expanded; undefined: it is not set.
   *
   * @param noun What the text is, for the error: `(prefix for t transport)`.
   * @throws {MailboxError} it cannot be expanded.
   */
  async value(option: AppendfileText, noun?: string, more?: Variables): Promise<Value | undefined> {
    try {
      return await this.transport.expand(option, this.address, more);
    } catch (err) {
      const reason = failureText(err);
      if (reason === undefined) throw err;
      const where = noun === undefined ? `in ${this.transport.name} transport` : noun;
      const text = `Expansion of "${this.transport.source(option)}" ${where} failed: ${reason}`;
      const isAround = option === "message_prefix" || option === "message_suffix";
      throw new MailboxError(isAround ? mailboxErrors.expansion : mailboxErrors.unknown, text);
    }
  }

  async text(option: AppendfileText, noun?: string, more?: Variables): Promise<string | undefined> {
    const value = await this.value(option, noun, more);
    return value === undefined ? undefined : textOf(value);
  }

  /** As `value`, for what names a file. @throws {MailboxError} a peer has chosen it. */
  async fileName(option: AppendfileText, what: string): Promise<string | undefined> {
    const { name } = this.transport;
    const value = await this.value(option, `(${what} for ${name} transport)`);
    if (value instanceof Tainted) {
      throw new MailboxError(
        mailboxErrors.unknown,
        `Tainted '${value.text}' (${what} for ${name} transport) not permitted`,
      );
    }
    return value;
  }
}
