import type { Content } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import type { SmtpTransport } from "@postbus/policy";
import { type AttemptResult, redactedReport } from "@postbus/queue";
import { errnos, isSafeAddress, type Transaction, type TransactionResult, type Trouble } from "@postbus/smtp";
import { type Spool, SpoolError } from "@postbus/spool";
import type { Attempt, AttemptReport } from "../attempt.ts";
import { LeaseLostError } from "../lease-lost-error.ts";
import { type MessageAsSent, messageAsSent } from "../message/message-as-sent.ts";
import { type OutgoingContent, outgoingContent, outgoingSize, readOutgoing } from "../message/outgoing-content.ts";
import { strerror } from "../system-error.ts";
import type { AddressCache } from "./address-cache.ts";
import type { SmtpConnection } from "./connection.ts";
import type { ConnectionPool } from "./connection-pool.ts";
import type { Acquired } from "./host-connections.ts";
import { LackingHosts, UNKNOWN_HOST } from "./lacking-hosts.ts";
import { hopLabel, hostSpec, type NextHop } from "./next-hop.ts";
import type { OpenFailure } from "./open-failure.ts";
import { type Offer, offersOf } from "./protection.ts";

/** Exim's `hosts_max_try`: addresses tried in one attempt, those skipped not counted. */
const MAX_HOPS_TRIED = 5;
/** Errors are logged by address; a message with many recipients says each thing once, and not more than so much. */
const MAX_NOTES = 20;

export interface SmtpDeps {
  readonly pool: ConnectionPool;
  readonly addresses: AddressCache;
  readonly spool: Pick<Spool, "read">;
  /** Milliseconds since the epoch; absent: the clock. */
  readonly now?: () => number;
}

/** Takes a message to the first of its hosts that will have it, recipient by recipient. */
export async function deliverBySmtp(
  attempt: Attempt,
  transport: SmtpTransport,
  deps: SmtpDeps,
): Promise<AttemptReport> {
  const { item } = attempt;
  const making = transport.message?.(item.recipients[0]?.address ?? "");
  const options = making instanceof Promise ? await making : making;
  const sent = messageAsSent(item, options, item.recipients, deps.now?.() ?? Date.now());
  return new SmtpDelivery(attempt, transport, deps, sent).run();
}

type Connected = Acquired & { readonly kind: "connection" };

class SmtpDelivery {
  readonly #attempt: Attempt;
  readonly #transport: SmtpTransport;
  readonly #deps: SmtpDeps;
  readonly #results: (AttemptResult | undefined)[];
  readonly #notes: string[] = [];
  readonly #lacking = new LackingHosts();
  /** How the message goes now. */
  #offer: Offer;
  #content: OutgoingContent;
  readonly #sent: MessageAsSent;
  /** Positions of the recipients that have no final answer. */
  #open: readonly number[];
  #tried = 0;
  /** Of the last host, if it was that one that could not be talked to. */
  #lastFailure: OpenFailure | undefined;
  /** Why hosts were not even tried, counted for the summary. */
  readonly #skipped = { backingOff: 0, limit: 0, noAddress: 0, lookupFailed: 0 };
  /** More hosts than are tried at one time. */
  #leftOut = 0;

  constructor(attempt: Attempt, transport: SmtpTransport, deps: SmtpDeps, sent: MessageAsSent) {
    this.#sent = sent;
    this.#attempt = attempt;
    this.#transport = transport;
    this.#deps = deps;
    const { recipients } = attempt.item;
    this.#content = attempt.content;
    [this.#offer] = offersOf(attempt.item, transport);
    this.#results = recipients.map(() => undefined);
    this.#open = recipients.map((_, position) => position);
  }

  async run(): Promise<AttemptReport> {
    this.#refuseUnsafeAddresses();
    for (const offer of offersOf(this.#attempt.item, this.#transport)) {
      this.#offer = offer;
      const content = offer.isRedacted ? redactedContent(this.#attempt.content) : this.#attempt.content;
      if (content === undefined) break;
      const outgoing = outgoingContent(content, this.#sent.changes, this.#deps.spool);
      this.#content = outgoing instanceof Promise ? await outgoing : outgoing;
      this.#lacking.forget();
      this.#tried = this.#leftOut = 0;
      await this.#askHosts();
      if (!this.#isLackedByAll) break;
    }
    if (this.#lastFailure?.isPermanent) this.#refusedByLastHost(this.#lastFailure);
    this.#lackedByLastHost();
    if (this.#isLackedByAll)
      for (const position of this.#open) this.#results[position] = this.#lacking.ended(this.#results[position]);
    if (this.#tried === 0) this.#nobodyTried();
    return { results: this.#results.map((result) => result ?? this.#noHosts()), notes: this.#notes };
  }

  /** Who waits for another day would wait in vain. */
  get #isLackedByAll(): boolean {
    const { backingOff, limit, noAddress, lookupFailed } = this.#skipped;
    return this.#lacking.areAll(this.#tried + this.#leftOut + backingOff + limit + noAddress + lookupFailed);
  }

  async #askHosts(): Promise<void> {
    const { hosts = this.#transport.hosts, hostAddresses, knownHosts } = this.#attempt.item;
    for (const [i, text] of hosts.entries()) {
      if (this.#open.length === 0) break;
      const { name, port } = hostSpec(text, this.#transport.port);
      const routed = hostAddresses?.[i] ?? "";
      const found =
        routed === "" ? await this.#deps.addresses.resolve(name) : { kind: "found" as const, addresses: [routed] };
      if (found.kind === "found") {
        for (const address of found.addresses) {
          if (this.#open.length > 0 && this.#tried < MAX_HOPS_TRIED) {
            await this.#try({ name, port, address }, knownHosts?.[i] ?? true);
          } else {
            this.#lastFailure = undefined;
            this.#leftOut++;
          }
        }
      } else {
        this.#skipped[found.kind === "none" ? "noAddress" : "lookupFailed"]++;
      }
    }
  }

  /** @param isKnown That it is the right one. */
  async #try(hop: NextHop, isKnown: boolean): Promise<void> {
    if (this.#tried > 0) this.#logRecipientErrors();
    this.#lastFailure = undefined;
    const { protection } = this.#offer;
    const acquired =
      isKnown || protection !== "verified"
        ? await this.#deps.pool.acquire(hop, this.#transport, { protection })
        : ({ kind: "failed", failure: UNKNOWN_HOST } as const);
    if (acquired.kind === "backing off" || acquired.kind === "limit") {
      this.#skipped[acquired.kind === "limit" ? "limit" : "backingOff"]++;
      return;
    }
    this.#tried++;
    if (acquired.kind === "connection") return this.#offerTo(hop, acquired);
    this.#lastFailure = acquired.failure;
    if (protection !== "usual") this.#lacking.note(acquired.failure);
    this.#notReached(hop, acquired.failure);
  }

  /** All recipients that are still open, in as many transactions and connections as the next hop wants. */
  async #offerTo(hop: NextHop, first: Connected): Promise<void> {
    let connection: SmtpConnection | undefined = first.connection;
    if (first.note !== undefined) this.#note(first.note);
    let queue = this.#open;
    try {
      while (connection !== undefined && queue.length > 0) {
        if (!this.#attempt.work.isHeld()) throw new LeaseLostError("the item was taken back");
        const most = Math.min(this.#transport.maxRcpt || Infinity, connection.limits.maxRecipients ?? Infinity);
        const batch = queue.slice(0, most);
        const hasCarried: boolean = connection.messageCount > 0;
        const result: TransactionResult | Error = await this.#transact(connection, batch);
        if (result instanceof Error) {
          this.#notOffered(hop, queue, { errno: errnos.own, text: result.message });
          break;
        }
        // A kept connection that gave no answer was closed while nobody looked; nothing is known about the host.
        const wasDead: boolean = result.isUnanswered && hasCarried;
        if (!wasDead) queue = [...this.#record(hop, connection, hasCarried, batch, result), ...queue.slice(most)];
        if (connection.isReady) continue;
        if (!wasDead && result.trouble !== undefined && result.trouble.kind !== "message") {
          this.#notOffered(hop, queue, result.trouble);
          break;
        }
        // It is gone, or carries the next message.
        connection.release();
        connection = queue.length === 0 ? undefined : await this.#another(hop, queue, wasDead);
      }
    } finally {
      connection?.release();
    }
    this.#open = this.#open.filter((position) => !isFinal(this.#results[position]));
  }

  /** @returns undefined if there is none; the recipients of the queue have been told. */
  async #another(hop: NextHop, queue: readonly number[], fresh: boolean): Promise<SmtpConnection | undefined> {
    const next = await this.#deps.pool.acquire(hop, this.#transport, {
      protection: this.#offer.protection,
      fresh,
    });
    if (next.kind === "connection") return next.connection;
    this.#noFurtherConnection(hop, queue, next);
    return undefined;
  }

  /** @returns An error instead of a result if our own content could not be read for now; the peer has got no dot. */
  async #transact(connection: SmtpConnection, batch: readonly number[]): Promise<TransactionResult | Error> {
    const { item, work } = this.#attempt;
    const content = this.#content;
    const { isRequired: requireTls } = this.#offer;
    const { returnPath } = this.#sent;
    const transaction = {
      ...transactionOf(item, returnPath, batch, outgoingSize(content)),
      ...(requireTls ? { requireTls } : {}),
    };
    try {
      return await connection.transact(transaction, readOutgoing(content, this.#deps.spool), work);
    } catch (err) {
      if (err instanceof DeferError) return err;
      // Thrown, it would take with it what is known about recipients that have been served.
      if (err instanceof SpoolError && this.#results.some(isFinal)) return err;
      throw err;
    }
  }

  /** @returns The recipients that the next hop wants in a further transaction. */
  #record(
    hop: NextHop,
    connection: SmtpConnection,
    reused: boolean,
    batch: readonly number[],
    result: TransactionResult,
  ): number[] {
    const host = hostFields(hop);
    const { cipher } = connection;
    const { recipients, isLastHop } = this.#attempt.item;
    const makesReports = connection.knowsDsn && isLastHop !== true;
    const postponed: number[] = [];
    batch.forEach((position, i) => {
      const end = result.recipients[i];
      if (end === undefined || end.outcome === "postponed") {
        postponed.push(position);
      } else if (end.outcome === "delivered") {
        this.#results[position] = {
          ...end,
          ...host,
          ...(reused ? { reused } : {}),
          ...(cipher === undefined ? {} : { cipher }),
          ...(makesReports && recipients[position]?.notification !== undefined ? { isNotificationPassedOn: true } : {}),
        };
      } else {
        this.#results[position] = { ...end, ...host };
      }
    });
    const { trouble } = result;
    const isTemporary = result.recipients.some((end) => end.outcome === "deferred");
    // A recipient's error is its own; the others may be of use to whoever watches the host.
    if (trouble !== undefined && trouble.kind !== "recipient" && isTemporary) this.#note(noteOn(hop, trouble));
    return postponed;
  }

  /** The `H=` field is left out where TCP did not get through, as Exim does. */
  #notReached(hop: NextHop, failure: OpenFailure, positions = this.#open): void {
    const { errno, text, isConnect } = failure;
    this.#note(isConnect ? `H=${hopLabel(hop)} ${text}` : noteOn(hop, failure));
    const host = isConnect ? {} : hostFields(hop);
    for (const position of positions) this.#results[position] = { outcome: "deferred", errno, text, ...host };
  }

  /** The connection broke before their turn came: what broke it is their error, too. */
  #notOffered(hop: NextHop, positions: readonly number[], { errno, text }: Trouble): void {
    for (const position of positions)
      this.#results[position] = { outcome: "deferred", errno, text, ...hostFields(hop) };
  }

  #noFurtherConnection(hop: NextHop, positions: readonly number[], why: Exclude<Acquired, Connected>): void {
    if (why.kind === "failed") this.#notReached(hop, why.failure, positions);
    else this.#skipped[why.kind === "limit" ? "limit" : "backingOff"]++;
  }

  /** 5yz to the greeting or to HELO, and nobody else to ask: final (spec: SMTP transport §4). */
  #refusedByLastHost({ text }: OpenFailure): void {
    for (const position of this.#open) {
      const { outcome: _, ...host } = this.#results[position] ?? { outcome: "deferred" };
      this.#results[position] = { ...host, outcome: "failed", text };
    }
  }

  /** No host that could be asked knows what the message needs: SMTPUTF8. That will not change by waiting. */
  #lackedByLastHost(): void {
    for (const position of this.#open) {
      const result = this.#results[position];
      if (result?.outcome !== "deferred" || result.errno !== errnos.smtpUtf8) continue;
      const { outcome: _, errno: __, ...rest } = result;
      this.#results[position] = { ...rest, outcome: "failed" };
    }
  }

  /** A temporary refusal of a recipient is worth a line of its own only when another host is asked after it. */
  #logRecipientErrors(): void {
    for (const position of this.#open) {
      const result = this.#results[position];
      if (result?.outcome !== "deferred" || result.errno !== errnos.rcpt4xx) continue;
      this.#note(`H=${result.host} [${result.hostAddress}]: ${result.text}`);
    }
  }

  #refuseUnsafeAddresses(): void {
    const { recipients } = this.#attempt.item;
    const { returnPath } = this.#sent;
    const text = "address contains control characters";
    for (const position of this.#open) {
      const address = recipients[position]?.address ?? "";
      if (isSafeAddress(returnPath) && isSafeAddress(address)) continue;
      this.#results[position] = { outcome: "failed", text };
    }
    this.#open = this.#open.filter((position) => this.#results[position] === undefined);
  }

  #nobodyTried(): void {
    for (const position of this.#open) this.#results[position] = this.#noHosts();
  }

  /** In Exim's words. */
  #noHosts(): AttemptResult {
    const { backingOff, limit, noAddress, lookupFailed } = this.#skipped;
    const domain = `'${this.#attempt.item.domain}'`;
    const deferred = (errno: number, text: string): AttemptResult => ({ outcome: "deferred", errno, text });
    const lookups = noAddress + lookupFailed;
    if (lookups > 0 && backingOff + limit === 0) {
      const how = lookupFailed === 0 ? " permanently" : noAddress === 0 ? " temporarily" : "";
      return deferred(errnos.hostLookup, `all host address lookups for ${domain} failed${how}`);
    }
    if (limit > 0 && backingOff + lookups === 0) {
      return deferred(errnos.retryTime, `connection limit reached for all hosts for ${domain}`);
    }
    if (backingOff > 0 && limit + lookups === 0) {
      return deferred(errnos.retryTime, `retry time not reached for any host for ${domain}`);
    }
    if (backingOff + limit + lookups === 0) {
      return deferred(errnos.hostLookup, `${this.#transport.name} transport has empty hosts setting`);
    }
    return deferred(
      errnos.retryTime,
      `some host address lookups failed and retry time not reached for other hosts or connection limit reached for ${domain}`,
    );
  }

  #note(text: string): void {
    if (this.#notes.length < MAX_NOTES && !this.#notes.includes(text)) this.#notes.push(text);
  }
}

/** What one transaction carries of an item. @param batch Positions of its recipients. */
function transactionOf(item: Attempt["item"], returnPath: string, batch: readonly number[], size: number): Transaction {
  const { eightBit = false, smtpUtf8 = false, notification, isLastHop = false } = item;
  const ofBatch = batch.map((position) => item.recipients[position]);
  const recipients = ofBatch.map((recipient) => recipient?.address ?? "");
  const envelope = { returnPath, recipients, size, eightBit, smtpUtf8 };
  if (isLastHop) return envelope;
  const recipientNotifications = ofBatch.map((recipient) => recipient?.notification);
  return {
    ...envelope,
    ...(notification === undefined ? {} : { notification }),
    ...(recipientNotifications.every((one) => one === undefined) ? {} : { recipientNotifications }),
  };
}

/** @returns undefined: it is no report, or none whose parts can be told apart. */
function redactedContent(content: Content): Content | undefined {
  if (content.kind !== "inline") return undefined;
  const octets = redactedReport(content.octets);
  return octets === undefined ? undefined : { kind: "inline", octets };
}

function hostFields(hop: NextHop): Pick<AttemptResult, "host" | "hostAddress" | "hostPort"> {
  return { host: hop.name, hostAddress: hop.address, hostPort: hop.port };
}

function noteOn(hop: NextHop, { errno, text }: Trouble): string {
  return `H=${hopLabel(hop)}: ${text}${errno > 0 ? `: ${strerror(errno)}` : ""}`;
}

function isFinal(result: AttemptResult | undefined): boolean {
  return result?.outcome === "delivered" || result?.outcome === "failed";
}
