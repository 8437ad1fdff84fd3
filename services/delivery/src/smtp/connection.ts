import { connect as connectTcp, type Socket } from "node:net";
import { constants } from "node:os";
import type { SecureContext } from "node:tls";
import type { SmtpTransport } from "@postbus/policy";
import {
  ClientSession,
  type ClientSessionOptions,
  ContentEncoder,
  type Loss,
  type Step,
  type Transaction,
  type TransactionResult,
} from "@postbus/smtp";
import { LeaseLostError } from "../lease-lost-error.ts";
import { strerror, systemError } from "../system-error.ts";
import type { DeadlineSweep, Swept } from "./deadline-sweep.ts";
import { hopLabel, type NextHop } from "./next-hop.ts";
import {
  type Follower,
  isTakenBack,
  type Lease,
  type Offered,
  type OutgoingContent,
  UNANSWERED,
} from "./offered-message.ts";
import type { OpenFailure } from "./open-failure.ts";
import { SocketWriter } from "./socket-writer.ts";
import { tlsOver } from "./tls-over.ts";

/** Replies are short; whatever is larger comes in more than one read. */
const READ_BUFFER_OCTETS = 4 * 1024;
/**
 * A peer that answers the final dot this fast gets the next message's envelope behind it: one system call less on either
 * side, and no round trip. Behind a slow one, a message would wait in vain for what another connection could do.
 */
const FAST_MS = 250;
/** For the reply to the dot before it; then a message is offered over another connection. */
const FOLLOWER_WAIT_MS = 2_000;
/** For the reply to QUIT: nothing depends on it. */
const QUIT_TIMEOUT_MS = 5_000;

type Timeout = "connectTimeoutMs" | "commandTimeoutMs" | "dataTimeoutMs" | "finalTimeoutMs";

export interface ConnectionOptions {
  readonly hop: NextHop;
  readonly heloName: string;
  readonly tls: ClientSessionOptions["tls"];
  readonly requiresRequireTls?: ClientSessionOptions["requiresRequireTls"];
  /** The peer's certificate has to be good for its name, by the authorities of this. */
  readonly verifiedBy?: SecureContext | undefined;
  readonly timeouts: Pick<SmtpTransport, Timeout>;
  readonly sweep: DeadlineSweep;
  /** The peer has settled a message, and can go on. @param replyMs From the final dot to its reply, if there was a dot. */
  readonly onAnswered: (replyMs: number | undefined) => void;
  /** It may carry somebody else's message. */
  readonly onReleased: (connection: SmtpConnection) => void;
  /**
   * The final dot is about to be sent. Somebody who waits may be given the connection now.
   *
   * @returns whether somebody was; who will call `transact` in this turn of the event loop.
   */
  readonly onFinalDot: (connection: SmtpConnection) => boolean;
  /** The connection is gone, for whatever reason; called once. */
  readonly onClosed: (connection: SmtpConnection) => void;
}

/** One connection to a next hop with its SMTP session: the sockets and the time to the engine's steps. */
export class SmtpConnection implements Swept {
  /** Messages offered so far. */
  messageCount = 0;
  /** In clear text: undefined. */
  cipher: string | undefined;
  readonly hop: NextHop;
  readonly #options: ConnectionOptions;
  readonly #session: ClientSession;
  readonly #opened = Promise.withResolvers<OpenFailure | undefined>();
  #socket: Socket;
  readonly #writer: SocketWriter;
  #isConnected = false;
  #isClosed = false;
  /** How many have acquired it and not released it: two, while a message follows another. */
  #owners = 0;
  #running: Offered | undefined;
  #follower: Follower | undefined;
  /** An envelope stands on it that nobody will send the content for. */
  #isSpent = false;
  #dotSentAtMs = 0;
  #isFast = false;
  #deadlineMs: number;
  #repliesAtDeadline = 0;

  constructor(options: ConnectionOptions) {
    const { hop, heloName, tls, requiresRequireTls = false, sweep, timeouts } = options;
    this.hop = hop;
    this.#options = options;
    this.#session = new ClientSession({ heloName, host: hopLabel(hop), tls, requiresRequireTls });
    this.#deadlineMs = sweep.deadline(timeouts.connectTimeoutMs);
    const readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_OCTETS);
    this.#socket = connectTcp({
      host: hop.address,
      port: hop.port,
      noDelay: true,
      keepAlive: true,
      // One small buffer for the life of the connection, instead of 64 KiB from the system for each read.
      onread: { buffer: readBuffer, callback: (length) => this.#received(readBuffer.subarray(0, length)) },
    });
    this.#writer = new SocketWriter(this.#socket);
    this.#socket.once("connect", () => {
      this.#isConnected = true;
      this.#waitFor(timeouts.commandTimeoutMs);
    });
    this.#watch(this.#socket);
    sweep.add(this);
  }

  /** Resolves when messages can be offered, or with what prevents it; never rejects. */
  opened(): Promise<OpenFailure | undefined> {
    return this.#opened.promise;
  }

  /** Whether it can carry (another) message. */
  get isReady(): boolean {
    return !this.#isClosed && this.#session.isReady;
  }

  /** The next hop makes reports itself (RFC 3461). */
  get knowsDsn(): boolean {
    return this.#session.capabilities.dsn;
  }

  /** The next hop's limits, known from EHLO. */
  get limits(): { readonly maxRecipients?: number; readonly maxMessages?: number } {
    return this.#session.capabilities;
  }

  /**
   * Offers one message. What the next hop does is in the result.
   *
   * @throws {LeaseLostError} if the item was not held any more when the final dot was due: it was not sent.
   * @throws what reading the content throws; the final dot was not sent then.
   */
  transact(transaction: Transaction, content: OutgoingContent, lease: Lease): Promise<TransactionResult> {
    if (this.#running === undefined && !this.isReady) return Promise.resolve(UNANSWERED);
    this.messageCount++;
    const running = { ...Promise.withResolvers<TransactionResult>(), content, lease };
    if (this.#running === undefined) this.#begin(running, transaction);
    else this.#follow(running, transaction);
    return running.promise;
  }

  /** Somebody has it now, and will release it. */
  acquire(): this {
    this.#owners++;
    return this;
  }

  /** Whoever acquired it needs it no more. */
  release(): void {
    this.#owners--;
    if (this.#owners === 0 && this.isReady) this.#options.onReleased(this);
  }

  /** Nothing to do for now: stays open for so long. */
  idle(forMs: number): void {
    this.#waitFor(forMs);
  }

  quit(): void {
    if (this.#isClosed) return;
    this.#do(this.#session.quit());
    if (this.#isClosed) return;
    this.#socket.end();
    this.#waitFor(QUIT_TIMEOUT_MS);
  }

  /** At once and without a word: an unfinished transaction has not happened for the peer. */
  destroy(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.sweep.remove(this);
    this.#socket.destroy();
    this.#writer.stopWaiting();
    this.#options.onClosed(this);
  }

  sweep(nowMs: number): void {
    const follower = this.#follower;
    if (follower !== undefined && (nowMs >= follower.deadlineMs || isTakenBack(follower.lease)))
      this.#forsake(follower);
    if (this.#isTakenBack()) this.#abandon(new LeaseLostError("the item was taken back"));
    else if (nowMs >= this.#deadlineMs || this.#mustHurry()) this.#timedOut();
  }

  /** Once the final dot is sent, only the peer knows what becomes of the message. */
  #mustHurry(): boolean {
    return this.#options.sweep.isHurried && this.#session.awaits !== "final reply";
  }

  /** Once the final dot is sent, the reply to it is worth having, whoever holds the item. */
  #isTakenBack(): boolean {
    if (this.#running === undefined || this.#session.awaits === "final reply") return false;
    return isTakenBack(this.#running.lease);
  }

  #begin(running: Offered, transaction: Transaction): void {
    this.#running = running;
    this.#waitFor(this.#options.timeouts.commandTimeoutMs);
    this.#do(this.#session.begin(transaction));
  }

  #follow(running: Offered, transaction: Transaction): void {
    const envelope = this.#session.follow(transaction);
    const deadlineMs = this.#options.sweep.deadline(FOLLOWER_WAIT_MS);
    this.#follower = { ...running, transaction, isEnvelopeSent: envelope !== undefined, deadlineMs };
    if (envelope !== undefined) this.#do(envelope);
    this.#writer.letGo();
  }

  /** It is told as if the connection had broken, which it will, as soon as the one before has its reply. */
  #forsake(follower: Follower): void {
    this.#follower = undefined;
    this.#isSpent = true;
    follower.resolve(UNANSWERED);
  }

  #timedOut(): void {
    if (this.#session.isReady) this.quit();
    else if (this.#isConnected) this.#lost({ kind: "timeout" });
    else this.#notConnected(constants.errno.ETIMEDOUT);
  }

  /** Once TLS is on, what happens to the socket below is told by the one above. */
  #watch(socket: Socket): void {
    const closed = () => {
      if (socket === this.#socket) this.#lost({ kind: "closed" });
    };
    socket.on("end", closed);
    socket.on("close", closed);
    socket.on("error", (err) => {
      if (socket !== this.#socket) return;
      const { errno, text } = systemError(err) ?? { errno: constants.errno.EIO, text: err.message };
      // Exim, too, takes these two for a close by the peer.
      const isClose = errno === constants.errno.ECONNRESET || errno === constants.errno.EPIPE;
      if (this.#isConnected) this.#lost(isClose ? { kind: "closed" } : { kind: "error", errno, text });
      else this.#notConnected(errno);
    });
  }

  #notConnected(errno: number): void {
    this.#opened.resolve({ errno, text: strerror(errno), isPermanent: false, isTls: false, isConnect: true });
    this.destroy();
  }

  #lost(loss: Loss): void {
    if (this.#isClosed) return;
    this.#do(this.#session.lost(loss));
    this.destroy();
  }

  #received(octets: Buffer): boolean {
    if (this.#isClosed) return true;
    this.#do(this.#session.receive(octets));
    if (this.#session.replyCount !== this.#repliesAtDeadline && this.#session.awaits === "reply") {
      // Each reply has its time; a part of one buys none, or a peer could go on for ever.
      this.#waitFor(this.#options.timeouts.commandTimeoutMs);
    }
    return true;
  }

  #do(steps: readonly Step[]): void {
    for (const step of steps) {
      switch (step.do) {
        case "write":
          if (!this.#isClosed) this.#writer.write(step.octets);
          break;
        case "start TLS":
          this.#startTls();
          break;
        case "ready":
          this.#opened.resolve(undefined);
          break;
        case "send content":
          this.#sendContent();
          break;
        case "finish":
          this.#finish(step.result);
          break;
        case "fail":
          this.#opened.resolve({ ...step.failure, isConnect: false });
          this.destroy();
          break;
        case "close":
          this.destroy();
          break;
      }
    }
  }

  #startTls(): void {
    const socket = tlsOver(this.#socket, this.hop.name, this.#options.verifiedBy, (end) => {
      if (this.#isClosed) return;
      if ("cipher" in end) this.cipher = end.cipher;
      this.#do("cipher" in end ? this.#session.tlsStarted() : this.#session.tlsFailed(end.problem, end.isLoss));
    });
    this.#socket = socket;
    this.#writer.socket = socket;
    socket.on("data", (octets: Buffer) => this.#received(octets));
    this.#watch(socket);
  }

  #sendContent(): void {
    const running = this.#running;
    // With 354 came the final reply already: there is nobody to send it to.
    if (running === undefined || this.#session.awaits !== "content's reception") return;
    const { content, lease } = running;
    if (Buffer.isBuffer(content)) this.#sendWhole(content, lease);
    else this.#sendPieces(content, lease).catch((err: unknown) => this.#abandon(err));
  }

  #sendWhole(content: Buffer, lease: Lease): void {
    if (!lease.isHeld()) {
      this.#abandon(new LeaseLostError("the item was not held when the final dot was due"));
      return;
    }
    const encoder = new ContentEncoder();
    this.#inviteFollower();
    this.#writer.writeTogether(encoder.encode(content), encoder.end());
    this.#dotSent(content.length);
  }

  /** The dot and the next envelope leave together. */
  #inviteFollower(): void {
    if (!this.#isFast || this.#isSpent || !this.#options.onFinalDot(this)) return;
    this.#writer.holdForThisTurn();
  }

  #dotSent(octets: number): void {
    this.#session.contentSent(octets);
    this.#dotSentAtMs = performance.now();
    this.#waitFor(this.#options.timeouts.finalTimeoutMs);
  }

  async #sendPieces(pieces: AsyncIterable<Buffer>, lease: Lease): Promise<void> {
    const running = this.#running;
    const encoder = new ContentEncoder();
    let octets = 0;
    for await (const piece of pieces) {
      // The peer has answered early or gone: the transaction is over.
      if (this.#running !== running || this.#isClosed) return;
      octets += piece.length;
      this.#waitFor(this.#options.timeouts.dataTimeoutMs);
      // The piece is used up when the next one comes, and so it must have left us; also, a slow peer holds us up here.
      await this.#writer.written(encoder.encode(piece));
    }
    if (this.#running !== running || this.#isClosed) return;
    // Here the content's digest has been checked, and nothing but the dot makes a message of it.
    if (!lease.isHeld()) throw new LeaseLostError("the item was not held when the final dot was due");
    this.#inviteFollower();
    this.#writer.write(encoder.end());
    this.#dotSent(octets);
  }

  #finish(result: TransactionResult): void {
    const [running, follower] = [this.#running, this.#follower];
    this.#running = this.#follower = undefined;
    this.#writer.stopWaiting();
    const replyMs = this.#dotSentAtMs > 0 ? performance.now() - this.#dotSentAtMs : undefined;
    if (replyMs !== undefined) this.#isFast = replyMs < FAST_MS;
    this.#dotSentAtMs = 0;
    if (this.#session.isOver || this.#isSpent) this.destroy();
    else this.#options.onAnswered(replyMs);
    running?.resolve(result);
    if (follower !== undefined) this.#next(follower);
  }

  #next(follower: Follower): void {
    if (follower.isEnvelopeSent) {
      this.#running = follower;
      this.#waitFor(this.#options.timeouts.commandTimeoutMs);
    } else if (this.#isClosed) {
      follower.resolve(UNANSWERED);
    } else {
      this.#begin(follower, follower.transaction);
    }
  }

  #abandon(err: unknown): void {
    const [running, follower] = [this.#running, this.#follower];
    this.#running = this.#follower = undefined;
    this.destroy();
    running?.reject(err);
    follower?.resolve(UNANSWERED);
  }

  #waitFor(timeoutMs: number): void {
    this.#deadlineMs = this.#options.sweep.deadline(timeoutMs);
    this.#repliesAtDeadline = this.#session.replyCount;
  }
}
