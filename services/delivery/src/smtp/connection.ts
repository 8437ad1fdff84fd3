import { connect as connectTcp, isIP, type Socket } from "node:net";
import { constants } from "node:os";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { WorkItem } from "@postbus/bus";
import {
  ClientSession,
  type ClientSessionOptions,
  ContentEncoder,
  type Loss,
  type SessionFailure,
  type Step,
  type Transaction,
  type TransactionResult,
} from "@postbus/smtp";
import { cipherText } from "@postbus/tls";
import { LeaseLostError } from "../lease-lost-error.ts";
import { strerror, systemError } from "../system-error.ts";
import type { DeadlineSweep, Swept } from "./deadline-sweep.ts";
import { hopLabel, type NextHop } from "./next-hop.ts";

/** Replies are short; whatever is larger comes in more than one read. */
const READ_BUFFER_OCTETS = 4 * 1024;
/** Contents up to here are copied for writing. */
const SMALL_OCTETS = 8 * 1024;
/** For the reply to QUIT: nothing depends on it. */
const QUIT_TIMEOUT_MS = 5_000;

export interface ConnectionTimeouts {
  readonly connectTimeoutMs: number;
  readonly commandTimeoutMs: number;
  readonly dataTimeoutMs: number;
  readonly finalTimeoutMs: number;
}

export interface ConnectionOptions {
  readonly hop: NextHop;
  readonly heloName: string;
  readonly tls: ClientSessionOptions["tls"];
  readonly timeouts: ConnectionTimeouts;
  readonly sweep: DeadlineSweep;
  /** It may carry somebody else's message. */
  readonly onReleased: (connection: SmtpConnection) => void;
  /** The connection is gone, for whatever reason; called once. */
  readonly onClosed: (connection: SmtpConnection) => void;
}

/** The message's content on its way out: in memory, or read piece by piece. */
export type OutgoingContent = Buffer | AsyncIterable<Buffer>;

/** What must still be so when the act that cannot be taken back is due. */
export type Lease = Pick<WorkItem, "isHeld" | "signal">;

type Running = PromiseWithResolvers<TransactionResult> & { readonly content: OutgoingContent; readonly lease: Lease };

/** No reply can come any more because none of the connection came about: the operating system's error. */
export interface OpenFailure extends SessionFailure {
  /** TCP did not get through; there is no host to be named in the log line. */
  readonly isConnect: boolean;
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
  #isConnected = false;
  #isClosed = false;
  #running: Running | undefined;
  /** Free again when the peer has replied and nothing waits to be written. */
  #small: Buffer | undefined;
  #writing: PromiseWithResolvers<void> | undefined;
  #deadlineMs: number;
  #repliesAtDeadline = 0;

  constructor(options: ConnectionOptions) {
    const { hop, heloName, tls, sweep, timeouts } = options;
    this.hop = hop;
    this.#options = options;
    this.#session = new ClientSession({ heloName, host: hopLabel(hop), tls });
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
    this.messageCount++;
    const running = { ...Promise.withResolvers<TransactionResult>(), content, lease };
    this.#running = running;
    this.#waitFor(this.#options.timeouts.commandTimeoutMs);
    this.#do(this.#session.begin(transaction));
    return running.promise;
  }

  /** Whoever acquired it needs it no more. */
  release(): void {
    if (this.isReady) this.#options.onReleased(this);
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
    this.#writing?.resolve();
    this.#options.onClosed(this);
  }

  sweep(nowMs: number): void {
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
    const { lease } = this.#running;
    return !lease.isHeld() || lease.signal.aborted;
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
          if (!this.#isClosed) this.#socket.write(step.octets, "latin1");
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
    const { name } = this.hop;
    // Opportunistic: a certificate that nobody vouches for is better than clear text (RFC 7435).
    const options = {
      socket: this.#socket,
      rejectUnauthorized: false,
      ...(isIP(name) === 0 ? { servername: name } : {}),
    };
    const socket: TLSSocket = connectTls(options, () => {
      this.cipher = cipherText(socket);
      this.#do(this.#session.tlsStarted());
    });
    this.#socket = socket;
    socket.on("data", (octets: Buffer) => this.#received(octets));
    socket.on("error", (err) => {
      if (this.cipher === undefined && !this.#isClosed) this.#do(this.#session.tlsFailed(err.message));
    });
    this.#watch(socket);
  }

  #sendContent(): void {
    const running = this.#running;
    if (running === undefined) return;
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
    this.#writeTogether(encoder.encode(content), encoder.end());
    this.#session.contentSent(content.length);
    this.#waitFor(this.#options.timeouts.finalTimeoutMs);
  }

  /** In one system call; for small ones, copying them together is cheaper than handing over two. */
  #writeTogether(first: Buffer, second: Buffer): void {
    const length = first.length + second.length;
    const socket = this.#socket;
    if (length <= SMALL_OCTETS && socket.writableLength === 0) {
      this.#small ??= Buffer.allocUnsafeSlow(SMALL_OCTETS);
      first.copy(this.#small);
      second.copy(this.#small, first.length);
      socket.write(this.#small.subarray(0, length));
      return;
    }
    socket.cork();
    socket.write(first);
    socket.write(second);
    socket.uncork();
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
      await this.#written(encoder.encode(piece));
    }
    if (this.#running !== running || this.#isClosed) return;
    // Here the content's digest has been checked, and nothing but the dot makes a message of it.
    if (!lease.isHeld()) throw new LeaseLostError("the item was not held when the final dot was due");
    this.#socket.write(encoder.end());
    this.#session.contentSent(octets);
    this.#waitFor(this.#options.timeouts.finalTimeoutMs);
  }

  /** Resolves when the operating system has the octets, or when that does not matter any more. */
  async #written(octets: Buffer): Promise<void> {
    const writing = Promise.withResolvers<void>();
    this.#writing = writing;
    // An error ends the connection, and with it the transaction; it is told there.
    this.#socket.write(octets, () => writing.resolve());
    await writing.promise;
    this.#writing = undefined;
  }

  #finish(result: TransactionResult): void {
    const running = this.#running;
    this.#running = undefined;
    this.#writing?.resolve();
    if (!this.#session.isReady) this.destroy();
    running?.resolve(result);
  }

  #abandon(err: unknown): void {
    const running = this.#running;
    this.#running = undefined;
    this.destroy();
    running?.reject(err);
  }

  #waitFor(timeoutMs: number): void {
    this.#deadlineMs = this.#options.sweep.deadline(timeoutMs);
    this.#repliesAtDeadline = this.#session.replyCount;
  }
}
