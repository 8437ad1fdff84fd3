import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type Reply, reply } from "@postbus/mail";
import type { ClientEndpoint, TlsView } from "@postbus/policy";
import { handshakeProblem } from "@postbus/tls";
import { afterReading } from "./after-reading.ts";
import { Conversation } from "./conversation.ts";
import { Deadlines } from "./deadlines.ts";
import { freeMemory } from "./free-memory.ts";
import type { Surroundings } from "./surroundings.ts";
import { Handshake } from "./tls/handshake.ts";
import { SessionWatch } from "./watch/session-watch.ts";

/** Octets that may wait while a question is out, or as replies that the client does not read. */
const MAX_HELD_OCTETS = 65_536;
/** Replies of one turn that are written together. */
const MAX_UNFLUSHED = 16;
/** Of a handshake, for the log. */
const CLIENT_GONE = "(SSL_accept): the client has gone";
/** After our last words a client gets so long to read them. */
const CLOSE_TIMEOUT_MS = 5_000;

/**
 * One client's socket: octets from it to the session, steps of the session to the conversation, replies back. There is one
 * for each connection, most of them idle.
 */
export class Connection {
  readonly deadlines: Deadlines;
  readonly #surroundings: Surroundings;
  readonly #onClosed: (connection: Connection) => void;
  readonly #conversation: Conversation;
  readonly #watch: SessionWatch;
  /** The one under TLS, if there is TLS. */
  readonly #plain: Socket;
  #socket: Socket | TLSSocket;
  /** The one that runs. */
  #handshake: Handshake | undefined;
  /** A question is out. */
  #isAsking = false;
  /** The client does not read its replies. */
  #isBlocked = false;
  /** Replies since the last `flushSoon` that has written. */
  #unflushed = 0;
  /** Wait until the client reads again, or is gone. */
  #untilDrained: (() => void)[] = [];
  #hasEnded = false;
  #isClosing = false;
  #isClosed = false;
  /** What ends a `delay` before its time; there may be one for each recipient. */
  readonly #pauses = new Set<() => void>();
  /** The last octets from the socket, if they are content that nobody keeps. */
  #passing: Buffer | undefined;
  /** @param isTlsFirst The client begins with a handshake, and not with waiting for our greeting. */
  constructor(
    socket: Socket,
    endpoint: ClientEndpoint,
    surroundings: Surroundings,
    onClosed: (connection: Connection) => void,
    isTlsFirst = false,
  ) {
    this.#plain = socket;
    this.#socket = socket;
    this.#surroundings = surroundings;
    this.#onClosed = onClosed;
    this.deadlines = new Deadlines(surroundings.clock.nowMs);
    this.#conversation = new Conversation(this, endpoint, surroundings, isTlsFirst);
    this.#watch = new SessionWatch(surroundings.watchers, this.#conversation);
    this.#conversation.session.observer = this.#watch;
    this.#listen(socket);
  }

  /** A client may close its side behind the last of its commands (QUIT), and read on. */
  get isGone(): boolean {
    return this.#isClosed || this.#isClosing || (this.#hasEnded && this.#conversation.session.heldOctets === 0);
  }

  /** `delay =` of an ACL. Over as soon as the client is gone. */
  async pause(seconds: number, isFlushed: boolean): Promise<void> {
    if (this.#isClosed) return;
    if (isFlushed) this.#flush();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, seconds * 1000);
    this.#pauses.add(resolve);
    await promise;
    clearTimeout(timer);
    this.#pauses.delete(resolve);
  }

  /** `control = dscp` of an ACL. */
  classify(dscp: number): void {
    // Two more bits of that octet are not ours (RFC 3168).
    if (!this.#isClosed) this.#plain.setTypeOfService(dscp << 2);
  }

  /** Greets the client. To be called when what it may have sent before has had the time to be read. */
  start(): void {
    if (this.#isClosed) return;
    this.#watch.note("connected");
    this.#pump();
  }

  /** Looks at the deadlines. To be called every now and then. */
  check(nowMs: number): void {
    if (this.#isClosed) return;
    if (this.#isClosing) {
      if (nowMs - this.deadlines.lastInputMs > CLOSE_TIMEOUT_MS) this.#socket.destroy();
      return;
    }
    // What we wait for has deadlines of its own, except for the client's reading of replies.
    if (this.#isAsking && this.#socket.writableLength === 0) {
      this.deadlines.lastInputMs = nowMs;
      return;
    }
    const { settings, load } = this.#surroundings;
    // With too much to do, who says nothing has half of the time to say it in.
    const receiveTimeoutMs = this.#conversation.receiveTimeoutMs / (load.level === "normal" ? 1 : 2);
    const { transactionTimeoutMs } = settings;
    const text = this.deadlines.expired(
      nowMs,
      { receiveTimeoutMs, transactionTimeoutMs },
      {
        isHandshaking: this.#handshake !== undefined,
        isContent: this.#conversation.session.isReadingContent,
        isInTransaction: this.#conversation.session.isInTransaction,
      },
    );
    if (text !== undefined) this.#expire(text);
  }

  /** 421 as soon as no transaction runs. */
  shutDown(): void {
    this.#conversation.shutDown(this.#goodbye("service not available: shutting down"));
    this.#pump();
  }

  /** Ends it without ceremony. */
  destroy(): void {
    this.#socket.destroy();
  }

  #listen(socket: Socket | TLSSocket): void {
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("drain", this.#onDrain);
    socket.on("error", this.#onError);
    socket.on("close", this.#onClose);
  }

  readonly #onData = (octets: Buffer): void => {
    if (this.#isClosing) return;
    const { reception, session } = this.#conversation;
    const isContent = session.isReadingContent;
    // A chunk comes in one go with its command.
    if (isContent || reception !== undefined) this.deadlines.noteContent(octets.length);
    if (isContent && reception?.keepsBody !== true) this.#passing = octets;
    const heldBefore = session.heldOctets;
    session.receive(octets);
    if (!this.#isAsking && !this.#isBlocked) this.#pump();
    else if (session.heldOctets > MAX_HELD_OCTETS) this.#socket.pause();
    // Single octets of one line do not count: it has to be done in the time for a command, or they could take days.
    const isMoreOfLine = heldBefore > 0 && session.heldOctets === heldBefore + octets.length;
    if (!isMoreOfLine) this.deadlines.lastInputMs = this.#surroundings.clock.nowMs;
  };

  /** The client sends no more; what it has sent is still answered (a client may close its side after QUIT). */
  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    // A TLS connection that ends is over: never back to clear text on the same socket.
    if (this.#handshake !== undefined || this.#isClosing) this.#socket.destroySoon();
    else this.#pump();
  };

  readonly #onDrain = (): void => {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    this.#letOn();
    this.#pump();
  };

  #letOn(): void {
    for (const resolve of this.#untilDrained.splice(0)) resolve();
  }

  readonly #onError = (err: Error): void => {
    this.#handshake?.fail(`(SSL_accept): ${handshakeProblem(err)}`);
    // A client that goes away in mid-session is no news.
    this.#surroundings.log.debug({ err, clientAddress: this.#conversation.address }, "connection lost");
  };

  readonly #onClose = (): void => {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#handshake?.fail(CLIENT_GONE);
    for (const end of this.#pauses) end();
    this.#letOn();
    this.#conversation.over(this.#isClosing, this.#hasEnded || !this.#isClosing);
    this.#watch.closed();
    this.#onClosed(this);
  };

  /** Takes steps until the session has to wait: for octets, for an answer, or for ever. */
  #pump(): void {
    if (this.#isAsking || this.#isBlocked || this.#handshake !== undefined) return;
    try {
      while (!this.#isClosed && !this.#isClosing) {
        const step = this.#conversation.session.next();
        this.#watch.step(step);
        const answer = this.#conversation.take(step);
        // With BDAT, what the client has sent in one go may hold the end of one message and the next one: that is kept.
        if (step.kind === "data") this.#passing = undefined;
        if (answer instanceof Promise) {
          this.#flush();
          this.#isAsking = true;
          // The rest waits in the kernel, not with us; but behind a message we want to know whether its client stays.
          if (step.kind !== "end") {
            if (this.#passing !== undefined) this.#socket.pause();
          } else if (!this.#isBlocked && this.#socket.isPaused()) this.#socket.resume();
          answer.then(this.#onAnswered, this.#onBug);
          return;
        }
        switch (step.kind) {
          case "read":
            this.#awaitInput();
            return;
          case "handshake":
            this.#upgrade();
            return;
          case "close":
            this.#close();
            return;
          default:
        }
      }
    } catch (err) {
      this.#onBug(err);
    }
  }

  #awaitInput(): void {
    this.#letPass();
    const { session, reception } = this.#conversation;
    const isSkipping = session.isReadingContent && reception === undefined;
    this.deadlines.noteSkipping(isSkipping, this.#surroundings.clock.nowMs);
    if (!this.#flush()) return;
    if (this.#hasEnded) this.#close();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  /** Large content would else leave tens of megabytes to the garbage collector, which is in no hurry with them. */
  #letPass(): void {
    const octets = this.#passing;
    if (octets === undefined) return;
    this.#passing = undefined;
    if (this.#conversation.session.heldOctets > 0) return;
    // The session looks at nothing any more that it has read to the end.
    this.#conversation.session.receive(NOTHING);
    freeMemory(octets);
  }

  readonly #onAnswered = (): void => {
    this.#isAsking = false;
    this.deadlines.lastInputMs = this.#surroundings.clock.nowMs;
    this.#pump();
  };

  /** The one message is refused, the process stays (RFC 5321 §4.2.1: 4yz says that the fault is not the client's). */
  readonly #onBug = (err: unknown): void => {
    this.#surroundings.log.error({ err, clientAddress: this.#conversation.address }, "session failed");
    this.#say(this.#goodbye("internal error"));
    this.#close();
  };

  /** Writes what the client has not got yet, with what else is said in this turn. A promise: it does not read. */
  flushSoon(): Promise<void> | undefined {
    if (this.#isClosed || this.#isClosing) return undefined;
    this.#unflushed += 1;
    if (this.#unflushed >= MAX_UNFLUSHED) this.#flush();
    else if (this.#unflushed === 1) {
      setImmediate(() => {
        if (this.#unflushed > 0 && !this.#isClosed && !this.#isClosing) this.#flush();
      });
    }
    if (!this.#isBlocked) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#untilDrained.push(resolve);
    return promise;
  }

  /** @returns Whether the session may go on: false while the client has too many replies to read. */
  #flush(): boolean {
    this.#unflushed = 0;
    const output = this.#conversation.session.takeOutput();
    if (output !== "") this.#write(output);
    if (this.#socket.writableLength <= MAX_HELD_OCTETS) return true;
    this.#isBlocked = true;
    this.#socket.pause();
    return false;
  }

  #say(answer: Reply): void {
    this.#write(`${this.#conversation.session.takeOutput()}${answer.code} ${answer.status} ${answer.lines[0]}\r\n`);
  }

  #write(lines: string): void {
    this.#watch.output(lines);
    this.#socket.write(lines, "latin1");
  }

  #goodbye(text: string): Reply {
    return reply(421, "4.3.2", `${this.#surroundings.policy.primaryHostname} ${text} - closing connection`);
  }

  #expire(text: string): void {
    if (this.#handshake !== undefined) {
      this.#handshake.fail("(SSL_accept): timed out");
      this.destroy();
      return;
    }
    this.#conversation.timedOut();
    this.#say(this.#goodbye(text));
    this.#close();
  }

  #close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.deadlines.lastInputMs = this.#surroundings.clock.nowMs;
    const output = this.#conversation.session.takeOutput();
    this.#watch.output(output);
    this.#socket.end(output, "latin1");
    const { hasQuit, heldOctets } = this.#conversation.session;
    if (hasQuit && heldOctets === 0 && this.#conversation.tls === undefined) {
      // Whoever has said QUIT says nothing more; waiting for its end would cost an error object where it does not read ours.
      this.#socket.destroySoon();
      return;
    }
    // What the client still sends is read and dropped: an unread octet would make the kernel reset the connection
    // and take our last reply from it (RFC 1122 §4.2.2.13).
    this.#socket.resume();
    if (this.#hasEnded) this.#socket.destroySoon();
  }

  #upgrade(): void {
    const prepared = this.#conversation.takePrepared();
    this.#flush();
    const plain = this.#socket;
    plain.removeListener("data", this.#onData);
    plain.removeListener("end", this.#onEnd);
    plain.removeListener("drain", this.#onDrain);
    this.deadlines.lastInputMs = this.#surroundings.clock.nowMs;
    // Before a greeting, the client has begun already.
    const early = this.#conversation.session.takeInput();
    const { handshakes } = this.#surroundings.metrics;
    const failed = (text: string): void => {
      handshakes.inc({ result: "failed" });
      this.#conversation.handshakeFailed(text);
    };
    if (this.#hasEnded) {
      failed(CLIENT_GONE);
      this.destroy();
      return;
    }
    this.#handshake = new Handshake(plain, early, prepared, {
      begun: (secured) => {
        this.#socket = secured;
        this.#listen(secured);
      },
      done: (tls) => {
        handshakes.inc({ result: "done" });
        this.#onSecure(tls);
      },
      failed,
      judge: this.#conversation.certificateCourt,
    });
  }

  #onSecure(tls: TlsView): void {
    this.#handshake = undefined;
    try {
      this.#conversation.secured(tls);
      this.#watch.note(`TLS: ${tls.cipher}`);
    } catch (err) {
      this.#onBug(err);
    }
    const { session } = this.#conversation;
    if (session.isGreetingDue) {
      // What has come in the packet of the handshake's end is told behind it.
      afterReading(() => {
        session.greet();
        this.#pump();
      });
    }
    this.#pump();
  }
}

const NOTHING = Buffer.alloc(0);
