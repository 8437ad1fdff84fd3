// One file because it is one state machine: reading, asking, writing, the handshake and the end each stop or let go the others.
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { BusFullError } from "@postbus/bus";
import type { Rejected } from "@postbus/contracts";
import { type Reply, reply, trimStart } from "@postbus/mail";
import type { AclAnswer, AuthAnswer, ClientEndpoint, Eventual, TlsView } from "@postbus/policy";
import { ServerSession, type SessionStep, type XclientValues } from "@postbus/smtp";
import {
  awaitServerName,
  handshakeProblem,
  internalErrorAlert,
  type ServerHandshake,
  startServerTls,
  type Verification,
} from "@postbus/tls";
import { Envelope } from "./envelope.ts";
import { TransactionFacts } from "./facts/transaction-facts.ts";
import { freeMemory } from "./free-memory.ts";
import { MessageReception, noRoom, notNow } from "./message-reception.ts";
import type { RejectionStage } from "./metrics.ts";
import { isAccepted, type PolicyClient, PolicySession } from "./policy-session.ts";
import { clientNamed } from "./proxy/client-behind.ts";
import type { Surroundings } from "./surroundings.ts";
import { ClientTls } from "./tls/client-tls.ts";
import { type PreparedTls, tlsUnavailable } from "./tls/server-tls.ts";

/** Octets that may wait while a question is out, or as replies that the client does not read. */
const MAX_HELD_OCTETS = 65_536;
/** A client that sends content more slowly than this, averaged, after `GRACE_MS`, holds a connection and gives nothing. */
const MIN_OCTETS_PER_MINUTE = 1_024;
const GRACE_MS = 60_000;
/** After our last words a client gets so long to read them. */
const CLOSE_TIMEOUT_MS = 5_000;
/** A handshake must be done by then; Exim counts it to its command timeout. */
const HANDSHAKE_TIMEOUT_MS = 60_000;

/**
 * One client: octets from its socket to the session, the session's questions to policy and bus, replies back.
 * There is one for each connection, most of them idle: it holds nothing that only a transaction needs.
 *
 * It is long because it is one state machine: reading, asking, writing, the handshake and the end each stop or let go
 * the others.
 */
export class Connection implements PolicyClient {
  endpoint: ClientEndpoint;
  /** As the socket, or its PROXY header, has it. */
  readonly #peer: ClientEndpoint;
  readonly #surroundings: Surroundings;
  readonly #onClosed: (connection: Connection) => void;
  readonly #session: ServerSession;
  #socket: Socket | TLSSocket;
  readonly #isTlsFirst: boolean;
  #tls: TlsView | undefined;
  /** What the next handshake is made with. */
  #prepared: PreparedTls | undefined;
  /** A question is out. */
  #isAsking = false;
  /** The client does not read its replies. */
  #isBlocked = false;
  #hasEnded = false;
  #isClosing = false;
  #isClosed = false;
  #isHandshaking = false;
  /** Of the handshake: it is told once. */
  #hasFailed = false;
  /** The final dot has come and the message is on its way to the bus. */
  #isFinishing = false;
  #policy: PolicySession | undefined;
  /** Ends a `delay` before its time. */
  #endPause: (() => void) | undefined;
  #hasQuit = false;
  #envelope: Envelope | undefined;
  #reception: MessageReception | undefined;
  /** The last octets from the socket, if they are content that nobody keeps. */
  #passing: Buffer | undefined;
  /** By the coarse clock. */
  #lastInputMs: number;
  #transactionStartMs = 0;
  #contentStartMs = 0;
  #contentOctets = 0;

  /** @param isTlsFirst The client begins with a handshake, and not with waiting for our greeting. */
  constructor(
    socket: Socket,
    endpoint: ClientEndpoint,
    surroundings: Surroundings,
    onClosed: (connection: Connection) => void,
    isTlsFirst = false,
  ) {
    this.endpoint = endpoint;
    this.#peer = endpoint;
    this.#socket = socket;
    this.#surroundings = surroundings;
    this.#onClosed = onClosed;
    this.#isTlsFirst = isTlsFirst;
    this.#session = new ServerSession(surroundings.profile, this.address, isTlsFirst);
    if (endpoint.proxy?.result === "failed") this.#session.lackProxyHeader();
    this.#lastInputMs = surroundings.clock.nowMs;
    this.#listen(socket);
  }

  get address(): string {
    return this.endpoint.address;
  }

  get port(): number {
    return this.endpoint.port;
  }

  get helo(): string {
    return this.#session.helo;
  }

  get commandHistory(): string {
    return this.#session.commandHistory;
  }

  get envelope(): Envelope | undefined {
    return this.#envelope;
  }

  /** `delay =` of an ACL. Over as soon as the client is gone. */
  async pause(seconds: number, isFlushed: boolean): Promise<void> {
    if (this.#isClosed) return;
    if (isFlushed) this.#flush();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, seconds * 1000);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#endPause = undefined;
  }

  /** Greets the client. To be called when what it may have sent before has had the time to be read. */
  start(): void {
    if (!this.#isClosed) this.#pump();
  }

  /** Looks at the deadlines. To be called every now and then. */
  check(nowMs: number): void {
    if (this.#isClosed) return;
    if (this.#isClosing) {
      if (nowMs - this.#lastInputMs > CLOSE_TIMEOUT_MS) this.#socket.destroy();
      return;
    }
    // What we wait for has deadlines of its own, except for the client's reading of replies.
    if (this.#isAsking && this.#socket.writableLength === 0) {
      this.#lastInputMs = nowMs;
      return;
    }
    const { policy, settings } = this.#surroundings;
    const isContent = this.#session.isReadingContent;
    const { receiveTimeoutMs } = policy.smtp;
    const limitMs = this.#isHandshaking ? Math.min(HANDSHAKE_TIMEOUT_MS, receiveTimeoutMs) : receiveTimeoutMs;
    if (nowMs - this.#lastInputMs > limitMs) {
      this.#expire(isContent ? "SMTP incoming data timeout" : "SMTP command timeout");
      return;
    }
    if (!this.#session.isInTransaction) return;
    const contentMs = nowMs - this.#contentStartMs;
    if (nowMs - this.#transactionStartMs > settings.transactionTimeoutMs) {
      this.#expire("SMTP transaction timeout");
    } else if (
      isContent &&
      contentMs > GRACE_MS &&
      this.#contentOctets < (contentMs / 60_000) * MIN_OCTETS_PER_MINUTE
    ) {
      this.#expire("SMTP incoming data too slow");
    }
  }

  /** 421 as soon as no transaction runs. */
  shutDown(): void {
    this.#session.shutDown(this.#goodbye("service not available: shutting down"));
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
    this.#lastInputMs = this.#surroundings.clock.nowMs;
    const isContent = this.#session.isReadingContent;
    // A chunk comes in one go with its command.
    if (isContent || this.#reception !== undefined) this.#contentOctets += octets.length;
    if (isContent && this.#reception?.keepsBody !== true) this.#passing = octets;
    this.#session.receive(octets);
    if (!this.#isAsking && !this.#isBlocked) this.#pump();
    else if (this.#session.heldOctets > MAX_HELD_OCTETS) this.#socket.pause();
  };

  /** The client sends no more; what it has sent is still answered (a client may close its side after QUIT). */
  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    // A TLS connection that ends is over: never back to clear text on the same socket.
    if (this.#isHandshaking || this.#isClosing) this.#socket.destroySoon();
    else this.#pump();
  };

  readonly #onDrain = (): void => {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    this.#pump();
  };

  readonly #onError = (err: Error): void => {
    this.#noteFailedHandshake(`(SSL_accept): ${handshakeProblem(err)}`);
    // A client that goes away in mid-session is no news.
    this.#surroundings.log.debug({ err, clientAddress: this.address }, "connection lost");
  };

  readonly #onClose = (): void => {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#noteFailedHandshake("(SSL_accept): the client has gone");
    this.#endPause?.();
    this.#noteEnd();
    this.#envelope = undefined;
    // A message that is being published goes on; its client will ask again if it has not read the 250.
    if (!this.#isFinishing) void this.#reception?.discard();
    this.#reception = undefined;
    this.#onClosed(this);
  };

  /** Takes steps until the session has to wait: for octets, for an answer, or for ever. */
  #pump(): void {
    if (this.#isAsking || this.#isBlocked || this.#isHandshaking) return;
    try {
      while (!this.#isClosed && !this.#isClosing) {
        const step = this.#session.next();
        const answer = this.#take(step);
        if (answer instanceof Promise) {
          this.#flush();
          this.#isAsking = true;
          // The rest waits in the kernel, not with us.
          if (this.#passing !== undefined) this.#socket.pause();
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
    if (!this.#flush()) return;
    if (this.#hasEnded) this.#close();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  /** Large content would else leave tens of megabytes to the garbage collector, which is in no hurry with them. */
  #letPass(): void {
    const octets = this.#passing;
    if (octets === undefined) return;
    this.#passing = undefined;
    if (this.#session.heldOctets > 0) return;
    // The session looks at nothing any more that it has read to the end.
    this.#session.receive(NOTHING);
    freeMemory(octets);
  }

  readonly #onAnswered = (): void => {
    this.#isAsking = false;
    this.#lastInputMs = this.#surroundings.clock.nowMs;
    this.#pump();
  };

  /** The one message is refused, the process stays (RFC 5321 §4.2.1: 4yz says that the fault is not the client's). */
  readonly #onBug = (err: unknown): void => {
    this.#surroundings.log.error({ err, clientAddress: this.address }, "session failed");
    this.#say(this.#goodbye("internal error"));
    this.#close();
  };

  /** Does what a step wants. A promise is returned only where something has to be waited for. */
  #take(step: SessionStep): Promise<void> | undefined {
    switch (step.kind) {
      case "connect":
        if (this.#isTlsFirst && this.#tls === undefined) return this.#decideTls("connect");
        if (!this.#surroundings.policy.asksAtConnect) return this.#open();
        return this.#decide(this.#asked.connect(), "connect", CONNECTION);
      case "helo": {
        const { name, isExtended } = step;
        return this.#decide(this.#asked.helo(name, isExtended), "helo", `EHLO or HELO ${printable(name)}`);
      }
      case "mail":
        return this.#mail(step);
      case "recipient":
        return this.#recipient(step);
      case "data":
        return this.#startContent(step.isChunked);
      case "header":
        return this.#add((reception) => reception.header(step.octets));
      case "content":
        return this.#add((reception) => reception.body(step.octets));
      case "end":
        return this.#finish();
      case "refused":
        return this.#noteRefusal(step);
      case "vrfy":
        return this.#respond(this.#asked.vrfy(this.#qualified(step.address)), "VRFY");
      case "expn":
        return this.#respond(this.#asked.other("expn"), "EXPN", NOTHING_EXPANDED);
      case "etrn":
        return this.#respond(this.#asked.other("etrn"), "ETRN");
      case "auth":
        return this.#authenticate(this.#asked.authenticate(step.mechanism, step.initial));
      case "auth line":
        return this.#authenticate(this.#asked.continueAuthentication(step.line));
      case "xclient":
        return this.#become(step.client);
      case "quit":
        this.#hasQuit = true;
        return this.#respond(this.#asked.other("quit"), "QUIT");
      case "read":
        return this.#add((reception) => reception.collecting(this.#session.collectedOctets));
      case "reset": {
        const reception = this.#reception;
        this.#reception = undefined;
        return reception?.discard();
      }
      case "starttls":
        return this.#decideTls("starttls");
      case "handshake":
      case "close":
        return undefined;
      default:
        return unreachable(step);
    }
  }

  /** The ACLs, knowing the command that is answered. */
  get #asked(): PolicySession["acls"] {
    this.#policy ??= new PolicySession(this, this.#surroundings);
    const { acls } = this.#policy;
    const { connection } = acls.session;
    connection.helo = this.#session.helo;
    connection.isExtended = this.#session.isExtended;
    this.#nameCommand(acls);
    return acls;
  }

  #nameCommand(acls: PolicySession["acls"]): void {
    const line = this.#session.commandLine;
    const blank = line.indexOf(" ");
    acls.command(line, blank === -1 ? "" : trimStart(line.slice(blank + 1)));
  }

  /** A proxy has said who its client is: nothing that was found out about the proxy holds for that one. */
  #become(client: Readonly<XclientValues>): undefined {
    this.endpoint = clientNamed(this.#peer, this.endpoint, client);
    this.#policy = undefined;
    // The TLS is the proxy's: what is said of it has always been said of that.
    if (this.#tls !== undefined) this.#asked.session.connection.tls = this.#tls;
    this.#session.restart(this.address, {
      helo: client.helo,
      isExtended: client.isExtended,
      isAuthenticated: this.endpoint.login !== undefined,
    });
  }

  #open(): undefined {
    this.#session.accept();
    return undefined;
  }

  #decide(
    answer: AclAnswer | Promise<AclAnswer>,
    stage: RejectionStage,
    what: string,
    onAccept?: (answer: AclAnswer) => void,
  ): Promise<void> | undefined {
    if (answer instanceof Promise) return answer.then((decided) => void this.#decide(decided, stage, what, onAccept));
    if (this.#policy !== undefined) this.#session.standing = this.#policy.standing;
    if (isAccepted(answer)) {
      onAccept?.(answer);
      this.#session.accept(answer.reply);
      return undefined;
    }
    this.#logRefusal(answer, stage, what);
    this.#session.refuse(answer.reply ?? notNow, answer.verdict === "drop", answer.ownLines);
    return undefined;
  }

  /** What it needs is made ready before the client is told to go ahead. */
  async #decideTls(at: "connect" | "starttls"): Promise<void> {
    const { tls, log } = this.#surroundings;
    const acls = this.#asked;
    const answer = await (at === "connect" ? acls.connect() : acls.other(at));
    this.#session.standing = acls.session.connection.standing;
    if (!isAccepted(answer)) {
      if (at === "connect") return this.#decide(answer, at, CONNECTION);
      return this.#decide(answer, "protocol", "STARTTLS ");
    }
    try {
      if (tls === undefined) throw new Error("no certificate");
      this.#prepared = await tls.prepare(acls);
      this.#session.accept(at === "connect" ? answer.reply : undefined);
    } catch (err) {
      log.warn({ err, clientAddress: this.address }, "TLS is not available");
      this.#record(handshakeProblem(err), true);
      this.#session.refuse(tlsUnavailable);
    }
  }

  #logRefusal({ isTemporary, log, logTargets }: AclAnswer, stage: RejectionStage, what: string): void {
    // `log_reject_target =` with nothing behind it: not to be logged.
    if (logTargets?.length === 0) return;
    const why = log === undefined ? "" : `: ${log}`;
    this.#reject(stage, `${isTemporary ? "temporarily " : ""}rejected ${what}${why}`);
  }

  /** Commands that have an answer of their own: VRFY, EXPN, ETRN, QUIT. */
  #respond(answer: AclAnswer | Promise<AclAnswer>, what: string, usual?: Reply): Promise<void> | undefined {
    if (answer instanceof Promise) return answer.then((decided) => void this.#respond(decided, what, usual));
    if (!isAccepted(answer)) this.#logRefusal(answer, "protocol", what);
    this.#session.respond(answer.reply ?? usual, answer.verdict === "drop");
    return undefined;
  }

  #authenticate(answer: Eventual<AclAnswer | AuthAnswer>): Promise<void> | undefined {
    if (answer instanceof Promise) return answer.then((decided) => void this.#authenticate(decided));
    if ("verdict" in answer) {
      this.#logRefusal(answer, "auth", "AUTH");
      this.#session.authenticationEnded(answer.reply ?? notNow, "denied", answer.verdict === "drop");
    } else if (answer.kind === "challenge") {
      this.#session.challenge(answer.text);
    } else if (answer.kind === "unknown") {
      this.#session.authenticationEnded(answer.reply, "unknown");
    } else {
      if (answer.log !== undefined) this.#reject("auth", printable(answer.log));
      this.#session.authenticationEnded(answer.reply, answer.isAuthenticated ? "authenticated" : "refused");
    }
    return undefined;
  }

  #mail(step: Extract<SessionStep, { kind: "mail" }>): Promise<void> | undefined {
    const { returnPath: given, eightBit, size, smtpUtf8 } = step;
    const { questions, settings, clock, policy } = this.#surroundings;
    const returnPath = this.#qualified(given, policy.qualifyDomain);
    this.#policy?.beginMessage();
    const about = { clientAddress: this.address, helo: this.helo, returnPath };
    const facts = new TransactionFacts(questions, settings.factsTimeoutMs, about);
    this.#envelope = new Envelope(returnPath, eightBit, facts, step);
    this.#transactionStartMs = clock.nowMs;
    return this.#decide(
      this.#asked.mail({ returnPath, size, isSmtpUtf8: smtpUtf8 === true }),
      "mail",
      `MAIL <${returnPath}>`,
    );
  }

  #recipient(step: Extract<SessionStep, { kind: "recipient" }>): Promise<void> | undefined {
    const envelope = this.#envelope;
    if (envelope === undefined) throw new Error("a recipient without an envelope");
    const address = this.#qualified(step.address);
    return this.#decide(this.#asked.recipient(address), "rcpt", `RCPT <${address}>`, ({ verdict }) => {
      if (verdict === "accept") envelope.add(address, step.notification);
    });
  }

  /** RFC 5321 §4.5.1: postmaster may come without a domain; of some clients, others may. */
  #qualified(address: string, domain = this.#surroundings.policy.qualifyRecipient): string {
    return address === "" || address.includes("@") ? address : `${address}@${domain}`;
  }

  #startContent(isChunked: boolean): Promise<void> | undefined {
    // As in Exim, nobody is asked before content that has come already.
    if (!isChunked && this.#surroundings.policy.hasAcl("predata")) {
      return this.#decide(this.#asked.predata(), "data", "DATA", () => this.#receive(isChunked));
    }
    this.#receive(isChunked);
    this.#session.accept();
    return undefined;
  }

  #receive(isChunked: boolean): void {
    const envelope = this.#envelope;
    if (envelope === undefined) throw new Error("content without an envelope");
    const { clock } = this.#surroundings;
    const { authentication } = this.#asked.session.connection;
    const { isExtended } = this.#session;
    // RFC 3848 knows no SMTP with authentication.
    const a = authentication === undefined || !isExtended ? "" : "a";
    const protocol = `${envelope.smtpUtf8 ? "utf8" : ""}${isExtended ? "esmtp" : "smtp"}${this.#tls === undefined ? "" : "s"}${a}`;
    this.#reception = new MessageReception(
      { client: this, envelope, protocol, tls: this.#tls, isChunked, acls: this.#asked },
      this.#surroundings,
    );
    this.#contentStartMs = clock.nowMs;
    this.#contentOctets = 0;
    // With BDAT, what the client has sent in one go may hold the end of one message and the next one: that is kept.
    this.#passing = undefined;
  }

  /** The session has ended in another way than by QUIT. */
  #noteEnd(): void {
    const { policy, log } = this.#surroundings;
    if (this.#hasQuit || this.#policy === undefined || !policy.hasAcl("notquit")) return;
    const answer = this.#policy.acls.notQuit(this.#isClosing ? "local-verdict" : "connection-lost");
    if (answer instanceof Promise) answer.catch((err: unknown) => log.error({ err }, "policy failed"));
  }

  #add(add: (reception: MessageReception) => Promise<void> | undefined): Promise<void> | undefined {
    if (this.#reception === undefined) return undefined;
    try {
      return add(this.#reception)?.catch((err: unknown) => this.#cannotStore(err));
    } catch (err) {
      return this.#cannotStore(err);
    }
  }

  /** The rest is read to its end and let go: a client that is not answered before the final dot could only break off. */
  async #cannotStore(err: unknown): Promise<void> {
    // The client has gone meanwhile, and its message with it.
    if (this.#reception === undefined) return;
    this.#surroundings.log.warn({ err }, "content could not be taken");
    this.#session.discardContent(err instanceof BusFullError ? noRoom : notNow);
    this.#reject("data", "temporarily rejected after DATA: content could not be stored");
    const reception = this.#reception;
    this.#reception = undefined;
    await reception?.discard();
  }

  #finish(): Promise<void> {
    const reception = this.#reception;
    if (reception === undefined) throw new Error("the end of a message that has not begun");
    this.#isFinishing = true;
    // The last chunk has a command of its own.
    if (this.#policy !== undefined) this.#nameCommand(this.#policy.acls);
    const recipients = this.#envelope?.recipients.length ?? 0;
    return reception.finish().then(({ reply: answer, end, answer: verdict }) => {
      const { metrics } = this.#surroundings;
      this.#isFinishing = false;
      this.#reception = undefined;
      if (verdict !== undefined) this.#logRefusal(verdict, "data", "after DATA");
      this.#envelope = undefined;
      metrics.messages.inc({ result: RESULTS[end] });
      if (end === "taken") metrics.recipients.inc(recipients);
      this.#policy?.beginMessage();
      this.#session.finish(answer, end === "dropped");
    });
  }

  #noteRefusal({
    stage,
    reply: answer,
    command,
  }: Extract<SessionStep, { kind: "refused" }>): Promise<void> | undefined {
    const text = answer.lines.join(" ");
    if (stage === "session") {
      this.#reject("protocol", `rejected "${printable(command)}": ${text}`);
      return undefined;
    }
    this.#reject("data", `rejected after DATA: ${text}`);
    this.#surroundings.metrics.messages.inc({ result: "rejected" });
    const reception = this.#reception;
    this.#reception = undefined;
    return reception?.discard();
  }

  #reject(stage: RejectionStage, text: string): void {
    this.#surroundings.metrics.rejections.inc({ stage });
    this.#record(text);
  }

  #record(text: string, ofHandshake = false): void {
    const { rejections, messageIds } = this.#surroundings;
    const event: Rejected = {
      v: 1,
      id: `${messageIds.next()}/reject`,
      atMs: Date.now(),
      service: "gateway",
      name: "smtp:reject",
      clientAddress: this.address,
      clientPort: this.port,
      text,
      ...(ofHandshake ? { ofHandshake } : {}),
      ...(this.helo === "" ? {} : { helo: this.helo }),
      ...(this.#envelope === undefined ? {} : { returnPath: this.#envelope.returnPath }),
    };
    rejections.add(event);
  }

  /** @returns Whether the session may go on: false while the client has too many replies to read. */
  #flush(): boolean {
    const output = this.#session.takeOutput();
    if (output !== "") this.#socket.write(output, "latin1");
    if (this.#socket.writableLength <= MAX_HELD_OCTETS) return true;
    this.#isBlocked = true;
    this.#socket.pause();
    return false;
  }

  #say(answer: Reply): void {
    this.#socket.write(`${this.#session.takeOutput()}${answer.code} ${answer.status} ${answer.lines[0]}\r\n`, "latin1");
  }

  #goodbye(text: string): Reply {
    return reply(421, "4.3.2", `${this.#surroundings.policy.primaryHostname} ${text} - closing connection`);
  }

  #expire(text: string): void {
    if (this.#isHandshaking) {
      this.#noteFailedHandshake("(SSL_accept): timed out");
      this.destroy();
      return;
    }
    this.#say(this.#goodbye(text));
    this.#close();
  }

  #close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#lastInputMs = this.#surroundings.clock.nowMs;
    const output = this.#session.takeOutput();
    this.#socket.end(output, "latin1");
    // What the client still sends is read and dropped: an unread octet would make the kernel reset the connection
    // and take our last reply from it (RFC 1122 §4.2.2.13).
    this.#socket.resume();
    if (this.#hasEnded) this.#socket.destroySoon();
  }

  #upgrade(): void {
    const prepared = this.#prepared;
    if (prepared === undefined) throw new Error("a handshake that was not prepared");
    this.#prepared = undefined;
    this.#flush();
    const plain = this.#socket;
    plain.removeListener("data", this.#onData);
    plain.removeListener("end", this.#onEnd);
    plain.removeListener("drain", this.#onDrain);
    // Before a greeting, the client has begun already. A stream that flows would lose what is given back to it.
    const early = this.#session.takeInput();
    if (early.length > 0) plain.pause().unshift(early);
    this.#isHandshaking = true;
    this.#lastInputMs = this.#surroundings.clock.nowMs;
    const { handshake, byName } = prepared;
    if (this.#hasEnded) this.destroy();
    else if (byName === undefined) this.#beginHandshake(plain, handshake);
    else void this.#chooseByName(plain, handshake, byName);
  }

  async #chooseByName(
    plain: Socket,
    usual: ServerHandshake,
    byName: NonNullable<PreparedTls["byName"]>,
  ): Promise<void> {
    try {
      const name = await awaitServerName(plain);
      const handshake = name === undefined ? usual : await byName(name);
      if (!this.#isClosed) this.#beginHandshake(plain, handshake);
    } catch (err) {
      this.#noteFailedHandshake(`(SSL_accept): ${handshakeProblem(err)}`);
      plain.end(internalErrorAlert);
      plain.destroySoon();
    }
  }

  #beginHandshake(plain: Socket, handshake: ServerHandshake): void {
    const secured = startServerTls(plain, handshake, (verification) => this.#onSecure(secured, verification));
    this.#socket = secured;
    this.#listen(secured);
  }

  #onSecure(secured: TLSSocket, verification: Verification): void {
    this.#isHandshaking = false;
    this.#surroundings.metrics.handshakes.inc({ result: "done" });
    try {
      this.#tls = new ClientTls(secured, verification);
      this.#asked.secured(this.#tls);
      this.#session.tlsEstablished();
    } catch (err) {
      this.#onBug(err);
    }
    this.#pump();
  }

  #noteFailedHandshake(text: string): void {
    if (!this.#isHandshaking || this.#hasFailed) return;
    this.#hasFailed = true;
    this.#surroundings.metrics.handshakes.inc({ result: "failed" });
    this.#record(text, true);
  }
}

/** Of the log. */
const CONNECTION = 'connection in "connect" ACL';
/** RFC 5321 §3.5.2: lists are not told. */
const NOTHING_EXPANDED: Reply = { code: 252, lines: ["nothing is expanded here"] };
const NOTHING = Buffer.alloc(0);

const RESULTS = {
  taken: "accepted",
  discarded: "discarded",
  failed: "deferred",
  refused: "rejected",
  dropped: "rejected",
} as const;

/** A command for the log: peers write it. */
const printable = (text: string): string => text.slice(0, 200).replace(/[^ -~]/g, "?");

function unreachable(value: never): never {
  throw new Error(`unhandled step: ${JSON.stringify(value)}`);
}
