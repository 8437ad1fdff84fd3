// One file because it is one state machine: the session's steps, the clock, and two owners change the same state.
import type { Socket } from "node:net";
import { constants } from "node:os";
import type { ConnectionView } from "@postbus/policy";
import { ClientSession, type Loss, type Step, type Transaction, type TransactionResult } from "@postbus/smtp";
import { ConnectionTap } from "../events/connection-tap.ts";
import { LeaseLostError } from "../lease-lost-error.ts";
import { strerror } from "../system-error.ts";
import { Authentication } from "./authentication.ts";
import { type ConnectionOptions, sessionOptions } from "./connection-options.ts";
import { ContentSender, lostLease } from "./content-sender.ts";
import type { Swept } from "./deadline-sweep.ts";
import { type HostFacts, hostFacts, type TlsFacts } from "./host-facts.ts";
import type { NextHop } from "./next-hop.ts";
import {
  type Follower,
  isTakenBack,
  type Lease,
  type Offered,
  type OutgoingContent,
  UNANSWERED,
} from "./offered-message.ts";
import type { OpenFailure } from "./open-failure.ts";
import { isClose, openSocket, watchSocket } from "./open-socket.ts";
import { SocketWriter } from "./socket-writer.ts";
import { startTls } from "./start-tls.ts";
import type { HandshakeEnd } from "./tls-over.ts";

/**
 * A peer that answers the final dot this fast gets the next message's envelope behind it: one system call less on either
 * side, and no round trip. Behind a slow one, a message would wait in vain for what another connection could do.
 */
const FAST_MS = 250;
/** For the reply to the dot before it; then a message is offered over another connection. */
const FOLLOWER_WAIT_MS = 2_000;
/** For the reply to QUIT: nothing depends on it. */
const QUIT_TIMEOUT_MS = 5_000;

/** One connection to a next hop with its SMTP session: the sockets and the time to the engine's steps. */
export class SmtpConnection implements Swept {
  /** Messages offered so far. */
  messageCount = 0;
  /** Of the connection before it, on which TLS has failed. */
  stepsBefore = "";
  /** For the log, of how it came about. */
  readonly notes: string[] = [];
  readonly hop: NextHop;
  readonly #options: ConnectionOptions;
  readonly #session: ClientSession;
  readonly #tap: ConnectionTap | undefined;
  readonly #opened = Promise.withResolvers<OpenFailure | undefined>();
  #socket: Socket;
  readonly #writer: SocketWriter;
  #facts: HostFacts | undefined;
  #tls: TlsFacts | undefined;
  #authenticated: Pick<HostFacts, "authenticator" | "authenticatedId"> = {};
  #authentication: Authentication | undefined;
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
    const { hop, transport, terms, sweep, proxied } = options;
    this.hop = hop;
    this.#options = options;
    this.#session = new ClientSession(sessionOptions(options));
    this.#deadlineMs = sweep.deadline(transport.connectTimeoutMs);
    this.#socket = proxied?.socket ?? openSocket(hop, transport, terms, (octets) => this.#received(octets));
    this.#writer = new SocketWriter(this.#socket);
    if (proxied === undefined) this.#socket.once("connect", () => this.#connected());
    this.#tap = ConnectionTap.of(options, () => this.#socket, {
      pass: (octets) => this.#heard(octets),
      refuse: (failure) => this.#refusedByEvent(failure),
    });
    this.#watch(this.#socket);
    sweep.add(this);
    if (proxied !== undefined) this.#takeOver(proxied);
  }

  #connected(): void {
    this.#isConnected = true;
    this.#waitFor(this.#options.transport.commandTimeoutMs);
    if (this.#options.transport.startsWithTls) this.#startTls();
  }

  #takeOver({ socket, rest }: NonNullable<ConnectionOptions["proxied"]>): void {
    this.#connected();
    if (this.#options.transport.startsWithTls) {
      // Whoever begins to speak before TLS has not understood.
      if (rest.length > 0) this.#lost({ kind: "closed" });
      return;
    }
    socket.on("data", (octets: Buffer) => this.#received(octets));
    if (rest.length > 0) this.#received(rest);
    socket.resume();
  }

  /** Resolves when messages can be offered, or with what prevents it; never rejects. */
  opened(): Promise<OpenFailure | undefined> {
    return this.#opened.promise;
  }

  /** Whether it can carry (another) message. */
  get isReady(): boolean {
    return !this.#isClosed && this.#session.isReady;
  }

  /** What results say of it. */
  get facts(): HostFacts {
    const proxy = this.#options.proxied?.proxy;
    this.#facts ??= hostFacts(this.hop, this.#socket, this.#session, this.#tls, this.#authenticated, proxy);
    return this.#facts;
  }

  /** How its session came about, for the log. */
  get steps(): string {
    return this.stepsBefore + this.#session.steps;
  }

  /** What expansions may know of it. */
  get view(): ConnectionView {
    const { localAddress, localPort } = this.#socket;
    const isAuthenticated = this.#authenticated.authenticator !== undefined;
    return { host: this.hop, localAddress, localPort, isAuthenticated, tls: this.#tls };
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
    this.#tap?.end(this.#isConnected);
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
    this.#waitFor(this.#options.transport.commandTimeoutMs);
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
    watchSocket(socket, (loss) => {
      if (socket !== this.#socket) return;
      if (!this.#isConnected) this.#notConnected(loss.kind === "error" ? loss.errno : constants.errno.ECONNRESET);
      else this.#lost(isClose(loss) ? { kind: "closed" } : loss);
    });
  }

  #notConnected(errno: number): void {
    this.#failed({ errno, text: strerror(errno), isPermanent: false, isTls: false, isConnect: true });
  }

  #failed(failure: OpenFailure): void {
    this.#opened.resolve(failure.isConnect ? failure : { ...failure, facts: this.facts, steps: this.steps });
    this.destroy();
  }

  #lost(loss: Loss): void {
    if (this.#isClosed) return;
    this.#do(this.#session.lost(loss));
    this.destroy();
  }

  #received(octets: Buffer): boolean {
    if (this.#isClosed) return true;
    if (this.#tap === undefined) return this.#heard(octets);
    this.#tap.receive(octets);
    return true;
  }

  #refusedByEvent(failure: OpenFailure): void {
    this.#writer.write("QUIT\r\n");
    this.#failed(failure);
  }

  #heard(octets: Buffer): boolean {
    if (this.#isClosed) return true;
    this.#do(this.#session.receive(octets));
    const { awaits, replyCount } = this.#session;
    if (replyCount === this.#repliesAtDeadline) return true;
    if (awaits === "final reply" && this.#dotSentAtMs > 0) this.#waitFor(this.#options.transport.finalTimeoutMs);
    if (awaits === "reply") {
      // Each reply has its time; a part of one buys none, or a peer could go on for ever.
      this.#waitFor(this.#options.transport.commandTimeoutMs);
    }
    return true;
  }

  #do(steps: readonly Step[]): void {
    for (const step of steps) {
      switch (step.do) {
        case "write":
          this.#tap?.sent(step.octets);
          if (!this.#isClosed) this.#writer.write(step.octets);
          break;
        case "start TLS":
          this.#startTls();
          break;
        case "ready":
          this.#opened.resolve(undefined);
          break;
        case "send content":
          this.#sendContent(step.inChunks);
          break;
        case "authenticate":
          this.#authenticate(step.mechanisms);
          break;
        case "auth reply":
          this.#authentication?.reply(step.reply).catch((err: unknown) => this.#broken(err));
          break;
        case "finish":
          this.#finish(step.result);
          break;
        case "fail":
          this.#failed({ ...step.failure, isConnect: false });
          break;
        case "close":
          this.destroy();
          break;
      }
    }
  }

  #startTls(): void {
    startTls(this.#socket, this.#options, {
      started: (socket) => {
        this.#socket = socket;
        this.#writer.socket = socket;
        socket.on("data", (octets: Buffer) => this.#received(octets));
        this.#watch(socket);
      },
      ended: (end) => this.#handshakeEnded(end),
      unable: (failure) => this.#failed(failure),
      broken: (err) => this.#broken(err),
      isNeeded: () => !this.#isClosed,
    });
  }

  #handshakeEnded(end: HandshakeEnd): void {
    if (this.#isClosed) return;
    if (!this.#options.isVerified) for (const line of end.lines ?? []) this.notes.push(`[${this.hop.address}] ${line}`);
    if ("problem" in end) {
      this.#do(this.#session.tlsFailed(end.problem, end.isLoss));
    } else {
      this.#tls = end;
      this.#do(this.#session.tlsStarted());
    }
  }

  #authenticate(mechanisms: readonly string[]): void {
    this.#authentication = new Authentication({
      session: this.#session,
      authenticators: this.#options.terms.authenticators,
      view: this.view,
      act: (steps) => {
        if (this.#isClosed) return;
        this.#waitFor(this.#options.transport.commandTimeoutMs);
        this.#do(steps);
      },
      note: (text) => this.notes.push(text),
      passed: (authenticator, authenticatedId) => {
        this.#authenticated = { authenticator, ...(authenticatedId === undefined ? {} : { authenticatedId }) };
      },
    });
    this.#authentication.begin(mechanisms).catch((err: unknown) => this.#broken(err));
  }

  /** A fault of the program: whoever wants the connection is told. */
  #broken(err: unknown): void {
    this.#opened.reject(err);
    this.destroy();
  }

  #sendContent(inChunks: boolean): void {
    const running = this.#running;
    // With 354 came the final reply already: there is nobody to send it to.
    if (running === undefined || this.#session.awaits !== "content's reception") return;
    const sender = new ContentSender(this.#session, this.#writer, inChunks, {
      // The peer has answered early or gone: the transaction is over.
      isWanted: () => this.#running === running && !this.#isClosed,
      goesOn: () => this.#waitFor(this.#options.transport.dataTimeoutMs),
      endsNow: () => this.#inviteFollower(),
      ended: (octets) => this.#dotSent(octets),
    });
    const { content, lease } = running;
    if (!Buffer.isBuffer(content)) sender.sendPieces(content, lease).catch((err: unknown) => this.#abandon(err));
    else if (lease.isHeld()) sender.sendWhole(content);
    else this.#abandon(lostLease());
  }

  /** The dot and the next envelope leave together. */
  #inviteFollower(): void {
    if (!this.#isFast || this.#isSpent || !this.#session.mayBeFollowed || !this.#options.onFinalDot(this)) return;
    this.#writer.holdForThisTurn();
  }

  #dotSent(octets: number): void {
    this.#session.contentSent(octets);
    this.#dotSentAtMs = performance.now();
    this.#waitFor(this.#options.transport.finalTimeoutMs);
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
      this.#waitFor(this.#options.transport.commandTimeoutMs);
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
