// One file because it is one way through the hosts: each answer changes what is known of the recipients, and that decides what comes next.
import { DeferError } from "@postbus/mail";
import type { HostTerms, SmtpTransport } from "@postbus/policy";
import { type AttemptResult, isHurried } from "@postbus/queue";
import { errnos, type TransactionResult, type Trouble } from "@postbus/smtp";
import { SpoolError } from "@postbus/spool";
import type { Attempt, AttemptReport } from "../attempt.ts";
import { type SettledContent, settledContent } from "../filter/settled-content.ts";
import { LeaseLostError } from "../lease-lost-error.ts";
import { LocalError } from "../local/local-error.ts";
import { deferredBy } from "../local/local-failure.ts";
import { type MessageAsSent, messageAsSent } from "../message/message-as-sent.ts";
import { type OutgoingContent, outgoingContent, outgoingSize, readOutgoing } from "../message/outgoing-content.ts";
import { signedContent } from "../message/signing/signed-content.ts";
import { Notes } from "../notes.ts";
import { foundLocal, hostFields, isFinal, isOurs, noteOn, recipientNotes, refusedResult } from "./attempt-results.ts";
import type { SmtpConnection } from "./connection.ts";
import type { Acquired } from "./host-connections.ts";
import type { HostFacts } from "./host-facts.ts";
import { fallbackHosts, firstHosts, type HostList, routedHops } from "./host-list.ts";
import { HostRetries } from "./host-retries.ts";
import { LackingHosts, UNKNOWN_HOST } from "./lacking-hosts.ts";
import { lackedByLastHost, refusedByLastHost, unsafeResult } from "./last-word.ts";
import { LongLineError, longLine, measured } from "./line-lengths.ts";
import { hopLabel, hostSpec, type NextHop } from "./next-hop.ts";
import { noHosts, type SkippedHosts } from "./no-hosts.ts";
import { type OpenFailure, REFUSED_BY_EVENT } from "./open-failure.ts";
import { type Offer, offersOf } from "./protection.ts";
import { redactedContent } from "./redacted-content.ts";
import { ofAddress, withHosts } from "./remembered-results.ts";
import { sendingAddress } from "./sending-address.ts";
import { withSignatures } from "./signed-hosts.ts";
import type { SmtpDeps } from "./smtp-deps.ts";
import { transactionOf } from "./transaction-of.ts";

/** Number of the operating system's "permission denied", which Exim gives to what it must not send. */
const EACCES = 13;

/** Takes a message to the first of its hosts that will have it, recipient by recipient. */
export async function deliverBySmtp(
  attempt: Attempt,
  transport: SmtpTransport,
  deps: SmtpDeps,
): Promise<AttemptReport> {
  const { item } = attempt;
  let options: Awaited<ReturnType<NonNullable<SmtpTransport["message"]>>> | undefined;
  try {
    const making = transport.message?.(item.recipients[0]?.address ?? "");
    options = making instanceof Promise ? await making : making;
  } catch (err) {
    const result = deferredBy(err, `failed to deliver by ${transport.name} transport`);
    return { results: item.recipients.map(() => result), notes: [] };
  }
  const sent = messageAsSent(item, options, item.recipients, deps.now?.() ?? Date.now());
  return new SmtpDelivery(attempt, transport, deps, sent).run();
}

class SmtpDelivery {
  readonly #attempt: Attempt;
  readonly #transport: SmtpTransport;
  readonly #deps: SmtpDeps;
  readonly #results: (AttemptResult | undefined)[];
  readonly #notes = new Notes();
  readonly #lacking = new LackingHosts();
  /** Whose turn it is. */
  #list: HostList = { hosts: [] };
  /** How the message goes now. */
  #offer: Offer;
  #content: OutgoingContent;
  readonly #sent: MessageAsSent;
  /** What a filter has made. */
  readonly #settled: SettledContent[] = [];
  /** Of its DKIM signatures. */
  #signers: readonly string[] = [];
  /** Positions of the recipients that have no final answer. */
  #open: readonly number[];
  #tried = 0;
  readonly #retries: HostRetries | undefined;
  /** Of the last host, if it was that one that could not be talked to. */
  #lastFailure: OpenFailure | undefined;
  /** IP addresses that were looked at, whatever came of it. */
  #seen = 0;
  readonly #skipped: SkippedHosts = { backingOff: 0, limit: 0, noAddress: 0, lookupFailed: 0 };
  /** That have delivered to somebody. */
  #transactions = 0;
  /** More hosts than are tried at one time. */
  #leftOut = 0;
  /** One may take what another puts off. */
  #hasSeveralHosts: boolean;

  constructor(attempt: Attempt, transport: SmtpTransport, deps: SmtpDeps, sent: MessageAsSent) {
    this.#sent = sent;
    this.#attempt = attempt;
    this.#transport = transport;
    this.#deps = deps;
    this.#retries = deps.retries && new HostRetries(attempt.item, transport, deps.retries);
    const { recipients } = attempt.item;
    this.#content = attempt.content;
    [this.#offer] = offersOf(attempt.item, transport);
    this.#results = recipients.map(() => undefined);
    this.#open = recipients.map((_, position) => position);
    this.#hasSeveralHosts = attempt.item.fallbackHosts !== undefined || transport.fallbackHosts.length > 0;
  }

  async run(): Promise<AttemptReport> {
    try {
      return await this.#run();
    } finally {
      for (const { release } of this.#settled) await release();
    }
  }

  async #run(): Promise<AttemptReport> {
    this.#refuseUnsafeAddresses();
    this.#refuseLongLines();
    for (const offer of offersOf(this.#attempt.item, this.#transport)) {
      this.#offer = offer;
      const content = offer.isRedacted ? redactedContent(this.#attempt.content) : this.#attempt.content;
      if (content === undefined) break;
      try {
        const outgoing = outgoingContent(content, this.#sent.changes, this.#deps.spool, this.#attempt);
        this.#content = outgoing instanceof Promise ? await outgoing : outgoing;
        if (this.#transport.signing !== undefined && !(await this.#sign(this.#transport.signing))) break;
      } catch (err) {
        if (!(err instanceof DeferError) && !(err instanceof LocalError)) throw err;
        // What a lookup could not say for now; somebody may have got it already by the offer before.
        const result = deferredBy(err, "");
        for (const position of this.#open) this.#results[position] = result;
        return { results: this.#results.map((each) => each ?? result), notes: this.#notes.all };
      }
      this.#lacking.forget();
      this.#tried = this.#leftOut = this.#seen = 0;
      await this.#askHosts(firstHosts(this.#attempt.item, this.#transport));
      if (this.#open.length > 0) await this.#askFallbackHosts();
      if (!this.#isLackedByAll) break;
    }
    const { isPermanent = false, text = "" } = this.#lastFailure ?? {};
    for (const position of this.#open) {
      const result = this.#results[position];
      this.#results[position] = lackedByLastHost(isPermanent ? refusedByLastHost(result, text) : result);
    }
    if (this.#isLackedByAll)
      for (const position of this.#open) this.#results[position] = this.#lacking.ended(this.#results[position]);
    if (this.#tried === 0) for (const position of this.#open) this.#results[position] = this.#noHosts();
    const results = this.#results.map((result) => result ?? this.#noHosts());
    this.#retries?.leftOut(this.#leftOut);
    const marked = withSignatures(results, this.#attempt.item);
    return { results: withHosts(marked, this.#retries?.stand, this.#retries?.messageKey), notes: this.#notes.all };
  }

  /** @returns whether the message may leave as it is now. */
  async #sign(signing: NonNullable<SmtpTransport["signing"]>): Promise<boolean> {
    const { recipients, reception } = this.#attempt.item;
    const { spool, signingKeys: keys, now = Date.now } = this.#deps;
    if (this.#open.length === 0) return true;
    if (keys === undefined) throw new Error("a message is to be signed, and nobody reads keys");
    const options = await signing(recipients[0]?.address ?? "");
    if (this.#content.kind === "filtered") await this.#settle();
    const signed = await signedContent(this.#content, options, reception.clientAddress, { keys, spool, now });
    for (const note of signed.notes) this.#notes.add(note);
    this.#content = signed.content;
    this.#signers = signed.signers;
    if (signed.refusal === undefined) return true;
    this.#notes.add(signed.refusal);
    this.#tried++;
    this.#notOffered({}, this.#open, { errno: EACCES, text: signed.refusal });
    return false;
  }

  /** What is signed is what leaves, so the filter runs once. */
  async #settle(): Promise<void> {
    const { spool, scratch } = this.#deps;
    const settled = await settledContent(this.#content, this.#attempt.item.messageId, spool, scratch);
    this.#settled.push(settled);
    this.#content = settled.content;
  }

  /** Who waits for another day would wait in vain. */
  get #isLackedByAll(): boolean {
    const { backingOff, limit, noAddress, lookupFailed } = this.#skipped;
    return this.#lacking.areAll(this.#tried + this.#leftOut + backingOff + limit + noAddress + lookupFailed);
  }

  /** A list of their own, with a limit of its own. */
  async #askFallbackHosts(): Promise<void> {
    const list = fallbackHosts(this.#attempt.item, this.#transport);
    if (list.hosts.length === 0) return;
    const before = this.#tried;
    this.#tried = this.#seen = 0;
    await this.#askHosts(list);
    this.#tried += before;
  }

  async #askHosts(list: HostList): Promise<void> {
    const { hosts, addresses, known } = list;
    this.#list = list;
    this.#hasSeveralHosts ||= hosts.length > 1;
    for (const [i, text] of hosts.entries()) {
      if (this.#open.length === 0) break;
      const { name, port } = hostSpec(text, this.#transport.port);
      const routed = addresses?.[i] ?? "";
      const found =
        routed === "" ? await this.#deps.addresses.resolve(name) : { kind: "found" as const, addresses: [routed] };
      if (found.kind !== "found") {
        this.#skipped[found.kind === "none" ? "noAddress" : "lookupFailed"]++;
        await this.#attempt.events?.notFound(name, found.kind === "none");
        continue;
      }
      if (found.addresses.length > 1) {
        this.#hasSeveralHosts = true;
        this.#retries?.lookAhead(found.addresses.map((address) => ({ name, port, address })));
      }
      for (const address of found.addresses) {
        const hop = { name, port, address };
        if (routed === "" && isOurs(this.#transport, hop)) return this.#foundOurs(hop);
        const { maxTry, maxTryHard } = this.#transport;
        if (this.#open.length > 0 && this.#tried < maxTry && this.#seen++ < maxTryHard) {
          await this.#try(hop, known?.[i] ?? true);
        } else {
          this.#lastFailure = undefined;
          this.#leftOut++;
        }
      }
    }
  }

  #foundOurs(hop: NextHop): void {
    this.#tried++;
    this.#lastFailure = undefined;
    for (const position of this.#open) this.#results[position] = foundLocal(this.#transport.name, hop);
  }

  /** @param isKnown That it is the right one. */
  async #try(hop: NextHop, isKnown: boolean): Promise<void> {
    if (this.#tried > 0) for (const note of recipientNotes(this.#results, this.#open)) this.#notes.add(note);
    this.#lastFailure = undefined;
    const terms = this.#transport.terms ?? (await this.#termsFor(hop));
    if (terms === undefined) return;
    const { protection } = this.#offer;
    const mayTry = this.#retries?.mayTry(hop) ?? true;
    if (mayTry instanceof Promise) this.#retries?.lookAhead(routedHops(this.#list, this.#transport));
    if (mayTry !== true && !(await mayTry) && !this.#retries?.mayTryAfterCutoff(hop)) {
      this.#skipped.backingOff++;
      return;
    }
    const startedAtMs = this.#deps.retries?.now() ?? 0;
    const acquired =
      isKnown || protection !== "verified"
        ? await this.#deps.pool.acquire(hop, this.#transport, {
            terms,
            protection,
            events: this.#attempt.events,
            isHurried: isHurried(this.#attempt.item),
          })
        : ({ kind: "failed", failure: UNKNOWN_HOST } as const);
    if (acquired.kind === "backing off" || acquired.kind === "limit") {
      this.#skipped[acquired.kind === "limit" ? "limit" : "backingOff"]++;
      await this.#retries?.skipped(hop);
      return;
    }
    this.#tried++;
    if (acquired.kind === "connection") return this.#offerTo(hop, terms, acquired);
    this.#lastFailure = acquired.failure;
    await this.#attempt.events?.hostDeferred(hop, acquired.failure);
    if (protection !== "usual") this.#lacking.note(acquired.failure);
    this.#notReached(hop, acquired.failure);
    // What it does not do for this message it need not do for others.
    const isOfHost = acquired.failure.lacks === undefined && acquired.failure !== REFUSED_BY_EVENT;
    if (isOfHost) await this.#retries?.failed(hop, acquired.failure, startedAtMs);
  }

  /** @returns undefined: what the transport says about this host cannot be found out, which has been told. */
  async #termsFor(hop: NextHop): Promise<HostTerms | undefined> {
    try {
      return await this.#transport.termsFor(hop, () => sendingAddress(hop));
    } catch (err) {
      if (!(err instanceof DeferError)) throw err;
      this.#tried++;
      this.#notes.add(`H=${hopLabel(hop)}: ${err.message}`);
      this.#notOffered(hostFields(hop), this.#open, { errno: errnos.own, text: err.message });
      return undefined;
    }
  }

  /** All recipients that are still open, in as many transactions and connections as the next hop wants. */
  async #offerTo(hop: NextHop, terms: HostTerms, first: Acquired & { readonly kind: "connection" }): Promise<void> {
    let connection: SmtpConnection | undefined = first.connection;
    for (const note of first.notes ?? []) this.#notes.add(note);
    let queue = this.#open;
    const startedAtMs = this.#deps.retries?.now() ?? 0;
    const { events } = this.#attempt;
    try {
      while (connection !== undefined && queue.length > 0) {
        if (!this.#attempt.work.isHeld()) throw new LeaseLostError("the item was taken back");
        const most = Math.min(this.#transport.maxRcpt || Infinity, connection.limits.maxRecipients ?? Infinity);
        const batch = queue.slice(0, most);
        const hasCarried: boolean = connection.messageCount > 0;
        const result: TransactionResult | Error = await this.#transact(connection, batch);
        const { facts } = connection;
        if (result instanceof LongLineError) {
          this.#hasLongLines(result.longest);
          break;
        }
        if (result instanceof Error) {
          const errno = result instanceof LocalError ? result.errno : errnos.own;
          this.#notOffered(facts, queue, { errno, text: result.message });
          break;
        }
        // A kept connection that gave no answer was closed while nobody looked; nothing is known about the host.
        const wasDead: boolean = result.isUnanswered && hasCarried;
        if (!wasDead) {
          queue = [...this.#record(hop, connection, hasCarried, batch, result), ...queue.slice(most)];
          this.#noteServed(result);
        }
        if (result.trouble?.kind !== "host") {
          this.#retries?.answered(hop, result);
          if (result.trouble?.kind === "message" && this.#hasSeveralHosts) {
            await this.#retries?.putOff(hop, result.trouble, startedAtMs);
          }
        }
        // Exim, too, remembers nothing of a connection that had carried others.
        else if (!hasCarried) await this.#retries?.failed(hop, result.trouble, startedAtMs);
        if (!wasDead && events !== undefined) await events.recipientsDeferred(hop, batch, this.#results);
        if (connection.isReady) continue;
        if (!wasDead && result.trouble !== undefined && result.trouble.kind !== "message") {
          this.#notOffered(facts, queue, result.trouble, result.trouble.kind === "host" && !hasCarried);
          break;
        }
        // It is gone, or carries the next message.
        connection.release();
        connection = queue.length === 0 ? undefined : await this.#another(hop, terms, queue, wasDead);
      }
    } finally {
      connection?.release();
    }
    this.#open = this.#open.filter((position) => !isFinal(this.#results[position]));
  }

  /** @returns undefined if there is none; the recipients of the queue have been told. */
  async #another(
    hop: NextHop,
    terms: HostTerms,
    queue: readonly number[],
    fresh: boolean,
  ): Promise<SmtpConnection | undefined> {
    const { protection } = this.#offer;
    const { events } = this.#attempt;
    const next = await this.#deps.pool.acquire(hop, this.#transport, { terms, protection, fresh, events });
    if (next.kind === "connection") return next.connection;
    this.#noFurtherConnection(hop, queue, next);
    return undefined;
  }

  /** @returns An error instead of a result if our own content could not be read for now; the peer has got no dot. */
  async #transact(connection: SmtpConnection, batch: readonly number[]): Promise<TransactionResult | Error> {
    const { item, work } = this.#attempt;
    const content = this.#content;
    const { isRequired: requireTls } = this.#offer;
    const { utf8Downconvert } = this.#transport;
    const plain = transactionOf(item, this.#sent.returnPath, batch, outgoingSize(content), utf8Downconvert);
    const read = readOutgoing(content, this.#deps.spool);
    const octets = Buffer.isBuffer(read) ? read : measured(read, this.#transport.lineLengthLimit);
    try {
      const authenticatedSender = await this.#transport.authenticatedSender?.(connection.view);
      const transaction = {
        ...plain,
        ...(requireTls ? { requireTls } : {}),
        ...(authenticatedSender === undefined ? {} : { authenticatedSender }),
      };
      return await connection.transact(transaction, octets, work);
    } catch (err) {
      if (err instanceof DeferError || err instanceof LongLineError || err instanceof LocalError) return err;
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
    const { facts } = connection;
    const { trouble, isPrdr } = result;
    const { item } = this.#attempt;
    const transport = this.#transport;
    const makesReports = connection.knowsDsn && item.isLastHop !== true;
    const postponed: number[] = [];
    batch.forEach((position, i) => {
      const end = result.recipients[i];
      if (end === undefined || end.outcome === "postponed") {
        postponed.push(position);
      } else if (end.outcome === "delivered") {
        const isPassedOn = makesReports && item.recipients[position]?.notification !== undefined;
        this.#results[position] = {
          ...end,
          ...facts,
          ...(this.#transactions > 0 ? { transaction: this.#transactions } : {}),
          ...(reused ? { reused } : {}),
          ...(i === 0 && !reused ? { steps: connection.steps } : {}),
          ...(isPrdr ? { isPrdr } : {}),
          ...(this.#signers.length === 0 ? {} : { signers: this.#signers }),
          ...(isPassedOn ? { isNotificationPassedOn: true } : {}),
        };
      } else {
        const isHostError = trouble?.kind === "host" && !reused && "errno" in end && end.text === trouble.text;
        const known = i === 0 && !reused ? { ...facts, steps: connection.steps } : facts;
        const refused = refusedResult(end, known, isHostError);
        this.#results[position] = ofAddress(refused, end, trouble, { item, transport, position });
      }
    });
    const isTemporary = result.recipients.some((end) => end.outcome === "deferred");
    if (result.recipients.some(({ outcome }) => outcome === "delivered")) this.#transactions++;
    // A recipient's error is its own; the others may be of use to whoever watches the host.
    if (trouble !== undefined && trouble.kind !== "recipient" && isTemporary) this.#notes.add(noteOn(hop, trouble));
    return postponed;
  }

  /** What is not final yet goes on to the next transaction or host, and the process may die on the way. */
  #noteServed({ recipients }: TransactionResult): void {
    if (this.#results.every(isFinal) || recipients.every(({ outcome }) => outcome !== "delivered")) return;
    this.#attempt.served?.(this.#results.map((result) => (isFinal(result) ? result : undefined)));
  }

  /** The `H=` field is left out where TCP did not get through, as Exim does. */
  #notReached(hop: NextHop, failure: OpenFailure, positions = this.#open): void {
    const { text, isConnect, facts = hostFields(hop), notes = [], steps = "" } = failure;
    for (const note of notes) this.#notes.add(note);
    // As in Exim: that we cannot show who we are names no host.
    const isOurs = failure.errno === errnos.auth || failure.errno === errnos.authenticator;
    if (!isOurs) this.#notes.add(isConnect ? `H=${hopLabel(hop)} ${failure.logged ?? text}` : noteOn(hop, failure));
    const told = steps === "" ? facts : { ...facts, steps };
    this.#notOffered(isConnect || isOurs ? {} : told, positions, failure, true);
  }

  /** Their turn did not come: what has come between is their error, too. */
  #notOffered(host: HostFacts, positions: readonly number[], trouble: Trouble, isHostError = false): void {
    const { steps: _, ...ofOthers } = host;
    for (const [i, position] of positions.entries()) {
      const known = i === 0 ? host : ofOthers;
      this.#results[position] = refusedResult({ outcome: "deferred", ...trouble }, known, isHostError);
    }
  }

  #noFurtherConnection(
    hop: NextHop,
    positions: readonly number[],
    why: Exclude<Acquired, { readonly kind: "connection" }>,
  ): void {
    if (why.kind === "failed") this.#notReached(hop, why.failure, positions);
    else this.#skipped[why.kind === "limit" ? "limit" : "backingOff"]++;
  }

  #refuseUnsafeAddresses(): void {
    const { recipients } = this.#attempt.item;
    for (const position of this.#open) {
      this.#results[position] = unsafeResult(this.#sent, recipients[position]?.address ?? "");
    }
    this.#open = this.#open.filter((position) => this.#results[position] === undefined);
  }

  /** Of a content in memory; a larger one is measured on its way. */
  #refuseLongLines(): void {
    if (this.#content.kind !== "inline") return;
    const longest = longLine(this.#content.octets, this.#transport.lineLengthLimit);
    if (longest > 0) this.#hasLongLines(longest);
  }

  #hasLongLines(longest: number): void {
    const limit = this.#transport.lineLengthLimit;
    const text = `message has lines too long for transport (received ${longest}, limit ${limit})`;
    for (const position of this.#open) this.#results[position] = { outcome: "failed", text };
    this.#open = [];
  }

  #noHosts(): AttemptResult {
    return noHosts(this.#skipped, this.#attempt.item.domain, this.#transport.name, this.#retries);
  }
}
