import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from "@nats-io/nats-core";
import { BusUnavailableError } from "../bus-error.ts";
import { type Instant, instant } from "./lease.ts";

/** An acknowledgement takes milliseconds; later than this, it is taken for lost and the question is asked again. */
const REPLY_TIMEOUT_MS = 5_000;
const SWEEP_MS = 500;
const FLUSH_MS = 2_000;

/** No answer to a question: connection lost, nobody there, or too late. To be asked again. */
export class ReplyLostError extends Error {
  override readonly name = "ReplyLostError";
  /** Whether the server may have done what it was asked; if not, the question has reached nobody. */
  readonly mayBeDone: boolean;

  constructor(message: string, { mayBeDone, ...options }: ErrorOptions & { readonly mayBeDone: boolean }) {
    super(message, options);
    this.mayBeDone = mayBeDone;
  }
}

/** Whatever goes wrong in the background is told here: by default as a warning of the process. */
export type OnProblem = (what: string, error: unknown) => void;

interface Outstanding {
  readonly sentAtMs: number;
  readonly resolve: (reply: Msg) => void;
  readonly reject: (error: ReplyLostError) => void;
}

/**
 * The connection, and requests over it that are cheap enough for every message: one inbox for all, one timer for all
 * deadlines, and a lost connection answers at once instead of after a timeout.
 */
export class Link {
  readonly connection: NatsConnection;
  readonly onProblem: OnProblem;
  readonly #inbox = `${createInbox()}.`;
  readonly #outstanding = new Map<string, Outstanding>();
  readonly #listeners = new Set<(disconnectedAt: Instant) => void>();
  readonly #losers = new Set<() => void>();
  readonly #sweeper: NodeJS.Timeout;
  #disconnectedAt: Instant | undefined;
  #up = Promise.withResolvers<void>();
  #next = 0;
  #closed = false;

  constructor(connection: NatsConnection, onProblem: OnProblem) {
    this.connection = connection;
    this.onProblem = onProblem;
    this.#up.resolve();
    connection.subscribe(`${this.#inbox}*`, { callback: (error, reply) => this.#settle(error, reply) });
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref();
    this.#watch().catch((err: unknown) => onProblem("watching the connection", err));
  }

  /** Undefined while there is a connection. */
  get disconnectedAt(): Instant | undefined {
    return this.#disconnectedAt;
  }

  get isClosed(): boolean {
    return this.#closed || this.connection.isClosed();
  }

  /** Called whenever the connection is back, before anything comes over it. @returns a function that ends it. */
  onReconnect(listener: (disconnectedAt: Instant) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Called when the connection is lost: who waits for an answer over it waits in vain. @returns a function that ends it. */
  onLoss(listener: () => void): () => void {
    this.#losers.add(listener);
    return () => this.#losers.delete(listener);
  }

  /**
   * Resolves when there is a connection.
   *
   * @throws {BusUnavailableError} when there is none within `deadlineMs`, or it was closed.
   */
  async connected(deadlineMs: number): Promise<void> {
    if (this.isClosed) throw new BusUnavailableError("the connection is closed");
    if (this.#disconnectedAt === undefined) return;
    const expired = Promise.withResolvers<void>();
    const timer = setTimeout(() => expired.reject(new BusUnavailableError("no connection")), deadlineMs);
    try {
      await Promise.race([this.#up.promise, expired.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Before something is tried again: after a pause while there is a connection, otherwise when there is one.
   *
   * @returns false if the time was up before, or the connection is closed for good.
   */
  async isBack(leftMs: number, pauseMs: number): Promise<boolean> {
    const startedAtMs = performance.now();
    if (this.#disconnectedAt === undefined) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(leftMs, pauseMs)));
    }
    try {
      await this.connected(Math.max(0, leftMs - (performance.now() - startedAtMs)));
      return true;
    } catch (err) {
      if (err instanceof BusUnavailableError) return false;
      throw err;
    }
  }

  /** Whether there is a server that answers a ping in time: a connection may lead nowhere for a while before that is noticed. */
  async answers(timeoutMs: number): Promise<boolean> {
    if (this.#disconnectedAt !== undefined || this.isClosed) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), timeoutMs);
    this.connection.flush().then(
      () => resolve(true),
      () => resolve(false),
    );
    return promise.finally(() => clearTimeout(timer));
  }

  /** The server closes a connection over which more octets come than it takes. @returns what is wrong, if so. */
  tooLarge(octets: number): string | undefined {
    const { max_payload: maxOctets = Number.POSITIVE_INFINITY } = this.connection.info ?? {};
    return octets > maxOctets ? `${octets} octets with its header, the server takes ${maxOctets}` : undefined;
  }

  /** @throws {ReplyLostError} */
  request(subject: string, data: Uint8Array, headers?: MsgHdrs): Promise<Msg> {
    if (this.#disconnectedAt !== undefined || this.isClosed) {
      return Promise.reject(new ReplyLostError("no connection", { mayBeDone: false }));
    }
    const { promise, resolve, reject } = Promise.withResolvers<Msg>();
    const token = (this.#next++).toString(36);
    this.#outstanding.set(token, { sentAtMs: performance.now(), resolve, reject });
    const reply = this.#inbox + token;
    try {
      this.connection.publish(subject, data, headers === undefined ? { reply } : { reply, headers });
    } catch (err) {
      this.#outstanding.delete(token);
      reject(new ReplyLostError(`could not be sent: ${String(err)}`, { mayBeDone: false, cause: err }));
    }
    return promise;
  }

  /** Nothing is waited for; what is sent without a connection is dropped. */
  send(subject: string, data: Uint8Array, headers?: MsgHdrs): void {
    if (this.#disconnectedAt !== undefined || this.isClosed) return;
    this.connection.publish(subject, data, headers === undefined ? {} : { headers });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#sweeper);
    // What was sent last, acknowledgements among it, is on its way when this returns.
    if (this.#disconnectedAt === undefined && !this.connection.isClosed()) {
      await Promise.race([this.connection.flush(), new Promise((resolve) => setTimeout(resolve, FLUSH_MS).unref())]);
    }
    await this.connection.close();
    this.#loseAll("the connection was closed");
    this.#up.promise.catch(() => {}); // Nobody may be waiting; whoever is gets the error.
    this.#up.reject(new BusUnavailableError("the connection is closed"));
  }

  #settle(error: Error | null, reply: Msg): void {
    if (error !== null) {
      this.onProblem("replies", error);
      return;
    }
    const token = reply.subject.slice(this.#inbox.length);
    const waiting = this.#outstanding.get(token);
    if (waiting === undefined) return; // Its sender gave up waiting.
    this.#outstanding.delete(token);
    waiting.resolve(reply);
  }

  /** The map is in the order of sending, so the first one that is in time ends the search. */
  #sweep(): void {
    const oldest = performance.now() - REPLY_TIMEOUT_MS;
    for (const [token, waiting] of this.#outstanding) {
      if (waiting.sentAtMs > oldest) return;
      this.#outstanding.delete(token);
      waiting.reject(new ReplyLostError(`no answer in ${REPLY_TIMEOUT_MS} ms`, { mayBeDone: true }));
    }
  }

  #loseAll(why: string): void {
    const lost = [...this.#outstanding.values()];
    this.#outstanding.clear();
    for (const { reject } of lost) reject(new ReplyLostError(why, { mayBeDone: true }));
    for (const listener of [...this.#losers]) listener();
  }

  async #watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === "disconnect" && this.#disconnectedAt === undefined) {
        this.#disconnectedAt = instant();
        this.#up = Promise.withResolvers<void>();
        this.#loseAll("the connection was lost");
      } else if (status.type === "reconnect") {
        const since = this.#disconnectedAt ?? instant();
        this.#disconnectedAt = undefined;
        this.#up.resolve();
        for (const listener of this.#listeners) listener(since);
      } else if (status.type === "error") {
        this.onProblem("server", status.error);
      }
    }
    this.#disconnectedAt ??= instant();
    this.#loseAll("the connection was closed");
  }
}
