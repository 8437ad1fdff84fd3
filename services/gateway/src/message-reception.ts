import { BusFullError } from "@postbus/bus";
import {
  type Content,
  contentSize,
  type Facts,
  firstItemId,
  type Received,
  type Reception,
  type RouteItem,
  routeSubject,
} from "@postbus/contracts";
import { DeferError, type HeaderField, headerFields, type Reply, reply } from "@postbus/mail";
import type { ClientView } from "@postbus/policy";
import type { Envelope } from "./envelope.ts";
import { MessageContent, type Top } from "./message-content.ts";
import type { Surroundings } from "./surroundings.ts";
import { authenticationResults } from "./trace/authentication-results.ts";
import { withoutForgedResults } from "./trace/forged-results.ts";
import { messageIdOf } from "./trace/header-message-id.ts";
import { receivedField } from "./trace/received-field.ts";

/** What a session knows of how the message comes in. */
export interface Incoming {
  readonly client: ClientView;
  readonly envelope: Envelope;
  /** As Exim logs it (`P=`). */
  readonly protocol: string;
  readonly cipher: string | undefined;
}

export const noRoom = reply(452, "4.3.1", "Insufficient system storage; please try again later");
export const notNow = reply(451, "4.3.0", "Temporary local problem - please try later");

/** A message from DATA to its reply: collects the content, asks for facts, puts it on the bus. */
export class MessageReception {
  readonly messageId: string;
  readonly #incoming: Incoming;
  readonly #surroundings: Surroundings;
  readonly #content: MessageContent;
  /** Milliseconds since the epoch. */
  readonly #receivedAtMs: number;
  #fields: readonly HeaderField[] = [];
  #collectedOctets = 0;
  /** From the budget. */
  #takenOctets = 0;
  #isOver = false;

  constructor(incoming: Incoming, surroundings: Surroundings) {
    const { envelope } = incoming;
    this.messageId = surroundings.messageIds.next();
    this.#incoming = incoming;
    this.#surroundings = surroundings;
    this.#receivedAtMs = Date.now();
    const isTopKnownEarly = !envelope.wants("message") && !envelope.wants("scan");
    this.#content = new MessageContent(
      surroundings.bus.spool,
      this.messageId,
      isTopKnownEarly ? async () => this.#top(await this.#facts(undefined)) : undefined,
    );
  }

  /** Whether what is given to `body` stays in memory. */
  get keepsBody(): boolean {
    return !this.#content.isSpooled;
  }

  /** So many octets of the header section are held by the session. @throws {BusFullError} there is no room for them. */
  collecting(headerOctets: number): undefined {
    this.#collectedOctets = headerOctets;
    this.#account();
  }

  /** @returns Something to wait for, or nothing. @throws {DeferError} no room, by the result or at once. */
  header(octets: Buffer): Promise<void> | undefined {
    this.#collectedOctets = 0;
    this.#fields = headerFields(octets);
    const waiting = this.#content.addHeader(octets);
    this.#account();
    return waiting?.then(() => this.#account());
  }

  /** As `header`. */
  body(octets: Buffer): Promise<void> | undefined {
    const waiting = this.#content.addBody(octets);
    this.#account();
    return waiting?.then(() => this.#account());
  }

  /**
   * The final dot has come.
   *
   * @returns The reply: 250 only when the message is on stable storage. Never rejects; whatever goes wrong is ours, and
   * so 4xx.
   */
  async finish(): Promise<Reply> {
    const { log } = this.#surroundings;
    const { messageId } = this;
    try {
      await this.#publish();
      return { code: 250, status: "2.0.0", lines: [`OK id=${messageId}`] };
    } catch (err) {
      if (!(err instanceof DeferError)) {
        // It may be on the bus all the same, so its content stays: the sweep takes what nobody refers to.
        log.error({ err, messageId }, "a message could not be taken");
        return notNow;
      }
      log.warn({ err, messageId }, "a message could not be taken now");
      await this.discard();
      return err instanceof BusFullError ? noRoom : notNow;
    } finally {
      this.#release();
    }
  }

  /** The message is not wanted, or its client is gone: nothing is left of it. */
  async discard(): Promise<void> {
    this.#release();
    try {
      await this.#content.discard();
    } catch (err) {
      // The sweep will take it.
      this.#surroundings.log.warn({ err, messageId: this.messageId }, "spooled content could not be removed");
    }
  }

  async #publish(): Promise<void> {
    const { bus, metrics } = this.#surroundings;
    const { envelope, client } = this.#incoming;
    const facts = await this.#askForFacts();
    const finished = this.#content.finish(this.#top(facts));
    const content = finished instanceof Promise ? await finished : finished;

    const { messageId } = this;
    const id = firstItemId(messageId);
    const reception = this.#reception(content, client);
    const { returnPath } = envelope;
    const header: RouteItem = {
      v: 1,
      messageId,
      returnPath,
      recipients: envelope.recipients.map((address) => ({ address })),
      receivedAtMs: this.#receivedAtMs,
      queuedAtMs: this.#receivedAtMs,
      attempt: 1,
      reception,
      ...(envelope.eightBit ? { eightBit: true } : {}),
      ...(facts === undefined ? {} : { facts }),
    };
    const received: Received = {
      v: 1,
      id: `${id}/received`,
      atMs: this.#receivedAtMs,
      service: "gateway",
      messageId,
      name: "msg:received",
      returnPath,
      recipients: [...envelope.recipients],
      reception,
      ...(facts === undefined ? {} : { facts }),
    };
    const startMs = performance.now();
    await bus.publish({ subject: routeSubject(), id, messageId, header, content }, [received]);
    metrics.publishSeconds.observe((performance.now() - startMs) / 1000);
  }

  /** Verifier and scanner at the same time; together with SPF within one deadline. */
  async #askForFacts(): Promise<Facts | undefined> {
    const { envelope } = this.#incoming;
    const { questions, settings, log } = this.#surroundings;
    if (!envelope.wants("message") && !envelope.wants("scan")) return this.#facts(undefined);
    const { messageId } = this;
    const deadlineMs = performance.now() + settings.factsTimeoutMs;
    const content = await this.#content.original();
    const scanning = envelope.wants("scan")
      ? questions.scan({ v: 1, messageId, recipients: [...envelope.recipients] }, content, settings.factsTimeoutMs)
      : undefined;
    const message = envelope.wants("message") ? await this.#askAboutMessage(content, deadlineMs) : undefined;
    const scan = await scanning;
    if (scan !== undefined) log.debug({ messageId, state: scan.state }, "scanned");
    return this.#facts(message);
  }

  async #askAboutMessage(content: Content, deadlineMs: number): Promise<Pick<Facts, "dkim" | "dmarc">> {
    const { questions } = this.#surroundings;
    const spf = await this.#incoming.envelope.spf;
    const timeoutMs = Math.max(MIN_TIMEOUT_MS, Math.round(deadlineMs - performance.now()));
    return questions.message({ v: 1, messageId: this.messageId, ...(spf && { spf }) }, content, timeoutMs);
  }

  async #facts(message: Pick<Facts, "dkim" | "dmarc"> | undefined): Promise<Facts | undefined> {
    const spf = await this.#incoming.envelope.spf;
    if (spf === undefined && message === undefined) return undefined;
    return { ...(spf && { spf }), ...message };
  }

  #top(facts: Facts | undefined): Top {
    const { primaryHostname: hostname } = this.#surroundings.policy;
    const { client, envelope, protocol, cipher } = this.#incoming;
    const results = facts === undefined ? "" : authenticationResults(hostname, envelope.returnPath, facts);
    const received = receivedField({
      helo: client.helo,
      clientAddress: client.address,
      hostname,
      protocol,
      cipher,
      messageId: this.messageId,
      recipients: envelope.recipients,
      atMs: this.#receivedAtMs,
    });
    return {
      trace: Buffer.from(results + received, "latin1"),
      header: withoutForgedResults(this.#content.header, this.#fields, hostname),
    };
  }

  #reception(content: Content, client: ClientView): Reception {
    const { protocol, cipher } = this.#incoming;
    const headerMessageId = messageIdOf(this.#content.header, this.#fields);
    return {
      protocol,
      clientAddress: client.address,
      clientPort: client.port,
      helo: client.helo,
      size: contentSize(content),
      ...(cipher === undefined ? {} : { cipher }),
      ...(headerMessageId === undefined ? {} : { headerMessageId }),
    };
  }

  /** @throws {BusFullError} if all messages together take too much memory. */
  #account(): void {
    // What is still being written when the client goes away must not take room again that nobody would give back.
    if (this.#isOver) return;
    const { budget } = this.#surroundings;
    const change = this.#content.heldOctets + this.#collectedOctets - this.#takenOctets;
    if (change <= 0) budget.give(-change);
    else if (!budget.take(change)) throw new BusFullError("too many octets of messages in memory");
    this.#takenOctets += change;
  }

  #release(): void {
    this.#isOver = true;
    this.#surroundings.budget.give(this.#takenOctets);
    this.#takenOctets = 0;
  }
}

/** Late as it may be, a question gets so long: an answer at hand is better than `temperror`. */
const MIN_TIMEOUT_MS = 100;
