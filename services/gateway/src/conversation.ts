// One file because it has one method for each step of a session, and they share what the steps are about.
import { BusFullError } from "@postbus/bus";
import { DeferError, hasDomain, type Reply, reply, trimStart } from "@postbus/mail";
import {
  type AclAnswer,
  type AuthAnswer,
  type ClientEndpoint,
  type Eventual,
  type FailedLogin,
  type TlsView,
  textOf,
} from "@postbus/policy";
import { ServerSession, type SessionStep, type XclientValues } from "@postbus/smtp";
import { handshakeProblem } from "@postbus/tls";
import type { Deadlines } from "./deadlines.ts";
import { Envelope } from "./envelope.ts";
import { TransactionFacts } from "./facts/transaction-facts.ts";
import { commandText, pathText, printable, speaksForText } from "./log/command-text.ts";
import { logProtocolRefusal } from "./log/protocol-refusal.ts";
import { type LoggedAuthentication, SessionLog } from "./log/session-log.ts";
import { MessageReception, noRoom, notNow } from "./message-reception.ts";
import type { RejectionStage } from "./metrics.ts";
import { isAccepted, type PolicyClient, PolicySession } from "./policy-session.ts";
import { clientNamed } from "./proxy/client-behind.ts";
import { contentStageName, Refusals } from "./refusals.ts";
import { rewriteArgument, rewriteEnvelope } from "./rewriting.ts";
import type { Surroundings } from "./surroundings.ts";
import type { CertificateCourt } from "./tls/handshake.ts";
import { type PreparedTls, tlsUnavailable } from "./tls/server-tls.ts";

/** The connection under a conversation. */
interface Line {
  readonly deadlines: Deadlines;
  /** Nobody is there to read a reply: the client has left and has nothing more to say, or we have. */
  readonly isGone: boolean;
  /** `delay =` of an ACL. Over as soon as the client is gone. */
  pause(seconds: number, isFlushed: boolean): Promise<void>;
  /** The class of our packets (RFC 2474), six bits. */
  classify(dscp: number): void;
  /** Writes what the client has not got yet, with what else is said in this turn. A promise: it does not read. */
  flushSoon(): Promise<void> | undefined;
}

/**
 * What is talked about with one client: does what each step of its session wants, by asking the policy, the verifier and
 * the bus. It holds nothing that only a transaction needs: most clients are idle.
 */
export class Conversation implements PolicyClient {
  readonly session: ServerSession;
  readonly refusals: Refusals;
  readonly log: SessionLog;
  readonly startedMs = performance.now();
  endpoint: ClientEndpoint;
  tls: TlsView | undefined;
  envelope: Envelope | undefined;
  /** Of the message whose content comes. */
  reception: MessageReception | undefined;
  /** The final dot has come and the message is on its way to the bus. */
  isFinishing = false;
  /** How long the client may be silent. */
  receiveTimeoutMs: number;
  readonly #line: Line;
  /** As the socket, or its PROXY header, has it. */
  readonly #peer: ClientEndpoint;
  readonly #surroundings: Surroundings;
  readonly #isTlsFirst: boolean;
  /** What the next handshake is made with. */
  #prepared: PreparedTls | undefined;
  #policy: PolicySession | undefined;
  #hasQuit = false;
  /** It has been let in. */
  #isGreeted = false;
  /** The client has left before the reply to its message, and that is in the log. */
  #isLost = false;
  /** Why we end the session. */
  #endReason: NotQuitReason | undefined;
  /** What is to be done behind the message that is at its end: the connection went meanwhile. */
  #whenFinished: (() => void) | undefined;

  /** @param isTlsFirst The client begins with a handshake, and not with waiting for our greeting. */
  constructor(line: Line, endpoint: ClientEndpoint, surroundings: Surroundings, isTlsFirst: boolean) {
    this.#line = line;
    this.endpoint = endpoint;
    this.#peer = endpoint;
    this.#surroundings = surroundings;
    this.#isTlsFirst = isTlsFirst;
    this.receiveTimeoutMs = surroundings.policy.smtp.receiveTimeoutMs;
    this.session = new ServerSession(surroundings.profile, endpoint.address, isTlsFirst);
    if (endpoint.proxy?.result === "failed") this.session.lackProxyHeader();
    this.refusals = new Refusals(this, surroundings);
    this.log = new SessionLog(this, surroundings);
  }

  get address(): string {
    return this.endpoint.address;
  }

  get port(): number {
    return this.endpoint.port;
  }

  get helo(): string {
    return this.session.helo;
  }

  get hostName(): string | undefined {
    return this.#policy === undefined ? this.endpoint.name : this.#policy.acls.session.connection.hostName;
  }

  get connectionId(): string {
    const { connection } = this.#asked.session;
    connection.id ??= this.#surroundings.messageIds.next();
    return connection.id;
  }

  get authentication(): LoggedAuthentication | undefined {
    const { authentication } = this.#policy?.acls.session.connection ?? {};
    return authentication && { by: authentication.by, id: textOf(authentication.id) };
  }

  get commandHistory(): string {
    return this.session.commandHistory;
  }

  pause(seconds: number, isFlushed: boolean): Promise<void> {
    return this.#line.pause(seconds, isFlushed);
  }

  classify(dscp: number): void {
    this.#line.classify(dscp);
  }

  /** What the handshake that the session wants is made with. */
  takePrepared(): PreparedTls {
    const prepared = this.#prepared;
    if (prepared === undefined) throw new Error("a handshake that was not prepared");
    this.#prepared = undefined;
    return prepared;
  }

  /** The handshake is done. */
  secured(tls: TlsView): void {
    this.tls = tls;
    this.#isGreeted = true;
    this.#asked.secured(tls);
    this.session.tlsEstablished();
  }

  /** The connection is gone. @param isOurEnd We have closed it. @param isClientsEnd The client has, before us. */
  over(isOurEnd: boolean, isClientsEnd = !isOurEnd): void {
    // A message at its end is judged on, with all that belongs to it, and says itself what becomes of it.
    if (this.isFinishing) {
      this.#whenFinished = () => this.over(isOurEnd, isClientsEnd);
      return;
    }
    const { hasQuit, isReadingContent, isInTransaction } = this.session;
    const isHeaderThere = this.reception?.hasHeader === true;
    const at = isReadingContent ? (isHeaderThere ? "content" : "header") : isInTransaction ? "transaction" : "between";
    const isTimedOut = this.#endReason === "data-timeout" || this.#endReason === "command-timeout";
    const isTold = isTimedOut || this.#isLost;
    const how = this.#endReason === "acl-drop" ? "drop" : isClientsEnd && !isTold ? "lost" : "ended";
    this.log.closed(hasQuit ? "quit" : how, at);
    this.#noteEnd(isClientsEnd);
    this.#policy?.decisions?.end();
    this.envelope?.facts.end();
    this.envelope = undefined;
    void this.reception?.discard();
    this.reception = undefined;
  }

  /** The client has been silent for too long. */
  timedOut(): void {
    const { isReadingContent } = this.session;
    this.#endReason = isReadingContent ? "data-timeout" : "command-timeout";
    this.log.timedOut(isReadingContent);
  }

  /** Ends the session as soon as no transaction runs. */
  shutDown(goodbye: Reply): void {
    this.#endReason ??= "signal-exit";
    this.session.shutDown(goodbye);
  }

  /**
   * The session has ended in another way than by QUIT. As in Exim, who was turned away at the connection had none, nor had who
   * was to begin with a handshake and did not.
   */
  #noteEnd(isClientsEnd: boolean): void {
    const { policy, log } = this.#surroundings;
    if (this.#hasQuit || !this.#isGreeted || !policy.hasAcl("notquit")) return;
    const reason = this.#endReason ?? (isClientsEnd ? "connection-lost" : "signal-exit");
    const { acls } = this.#asking;
    this.#nameCommand(acls);
    const answer = acls.notQuit(reason);
    if (answer instanceof Promise) answer.catch((err: unknown) => log.error({ err }, "policy failed"));
  }

  /** Does what a step wants. A promise is returned only where something has to be waited for. */
  take(step: SessionStep): Promise<void> | undefined {
    switch (step.kind) {
      case "connect":
        if (this.tls !== undefined) return this.#connect();
        return this.#logConnection();
      case "helo": {
        const { name, isExtended } = step;
        return this.#decide(this.#asked.helo(name, isExtended), "helo", `EHLO or HELO ${printable(name)}`, () =>
          this.#forgetTransaction(),
        );
      }
      case "path":
        return this.#readPath(step);
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
        return this.#respond(this.#asked.vrfy(this.#qualified(step.address)), commandText(this.session.commandLine));
      case "expn":
        return this.#respond(this.#asked.other("expn"), `EXPN ${printable(step.argument)}`, NOTHING_EXPANDED);
      case "etrn":
        this.log.etrn(printable(step.argument));
        return this.#respond(this.#asked.other("etrn"), `ETRN ${printable(step.argument)}`);
      case "auth":
        return this.#authenticate(this.#asked.authenticate(step.mechanism, step.initial));
      case "auth line":
        return this.#authenticate(this.#asked.continueAuthentication(step.line));
      case "xclient":
        return this.#become(step.client);
      case "quit":
        this.#hasQuit = true;
        if (this.session.isInTransaction) this.log.incomplete("QUIT");
        if (!this.#surroundings.policy.hasAcl("quit")) return this.#sayGoodbye();
        return this.#respond(this.#asked.other("quit"), "QUIT");
      case "read":
        return this.#add((reception) => reception.collecting(this.session.collectedOctets));
      case "error": {
        const { code, lines } = step.reply;
        this.log.error(printable(step.command), code, lines.join(" "));
        const { events } = this.#surroundings;
        if (events.isWatched) events.commandError(this.#asking, code === 503, lines.join(" "));
        return undefined;
      }
      case "reset": {
        this.log.incomplete("RSET");
        this.#forgetTransaction();
        const reception = this.reception;
        this.reception = undefined;
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
    const { acls } = this.#asking;
    const { connection } = acls.session;
    connection.helo = this.session.helo;
    connection.isExtended = this.session.isExtended;
    this.#nameCommand(acls);
    return acls;
  }

  get #asking(): PolicySession {
    this.#policy ??= new PolicySession(this, this.#surroundings);
    return this.#policy;
  }

  /** It is in the log before anybody is asked about it. */
  #logConnection(): Promise<void> | undefined {
    const { policy, log } = this.#surroundings;
    const isUnlogged = policy.isUnlogged?.(this.endpoint) ?? false;
    if (isUnlogged instanceof Promise) {
      return isUnlogged.then(
        (is) => this.#noteConnection(is),
        (err: unknown) => {
          log.error({ err }, "hosts_connection_nolog");
          return this.#noteConnection(false);
        },
      );
    }
    return this.#noteConnection(isUnlogged);
  }

  #noteConnection(isUnlogged: boolean): Promise<void> | undefined {
    this.log.connected(this.#surroundings.connections(), isUnlogged);
    return this.#connect();
  }

  #connect(): Promise<void> | undefined {
    if (this.#isTlsFirst && this.tls === undefined) return this.#decideTls("connect");
    if (!this.#surroundings.policy.asksAtConnect) return this.#open();
    return this.#decide(this.#asked.connect(), "connect", CONNECTION);
  }

  /** A handshake with the client has come to nothing. */
  handshakeFailed(text: string): void {
    this.#endReason = "tls-failed";
    this.refusals.ofHandshake(text);
    const { events } = this.#surroundings;
    if (events.isWatched) events.handshakeFailed(this.#asking, text);
  }

  /** What the policy says of the client's certificates; undefined: nothing. */
  get certificateCourt(): CertificateCourt | undefined {
    const { events } = this.#surroundings;
    if (!events.isWatched) return undefined;
    return {
      ask: (depth, certificate) => events.certificate(this.#asking, depth, certificate),
      denied: (line) => this.#asking.write(["main"], `[${this.address}] ${line}`),
    };
  }

  /** What MAIL or RCPT names, for the log. */
  get #path(): string {
    return pathText(this.session.commandLine);
  }

  #nameCommand(acls: PolicySession["acls"]): void {
    const line = this.session.commandLine;
    const blank = line.indexOf(" ");
    acls.command(line, blank === -1 ? "" : trimStart(line.slice(blank + 1)));
  }

  /** A proxy has said who its client is: nothing that was found out about the proxy holds for that one. */
  #become(client: Readonly<XclientValues>): undefined {
    this.#forgetTransaction();
    this.endpoint = clientNamed(this.#peer, this.endpoint, client);
    this.#policy = undefined;
    // The TLS is the proxy's: what is said of it has always been said of that.
    if (this.tls !== undefined) this.#asked.session.connection.tls = this.tls;
    this.session.restart(this.address, {
      helo: client.helo,
      isExtended: client.isExtended,
      isAuthenticated: this.endpoint.login !== undefined,
    });
  }

  #open(): undefined {
    this.#isGreeted = true;
    this.session.accept();
    return undefined;
  }

  #decide(
    answer: AclAnswer | Promise<AclAnswer>,
    stage: RejectionStage,
    /** For the log of a refusal. */
    what: string | ((answer: AclAnswer) => string),
    onAccept?: (answer: AclAnswer) => void,
  ): Promise<void> | undefined {
    if (answer instanceof Promise) return answer.then((decided) => void this.#decide(decided, stage, what, onAccept));
    if (this.#policy !== undefined) this.session.standing = this.#policy.standing;
    if (stage === "connect") this.#adoptTerms();
    if (isAccepted(answer)) {
      this.#isGreeted = true;
      onAccept?.(answer);
      this.session.accept(answer.reply);
      return undefined;
    }
    if (answer.verdict === "drop") this.#endReason = "acl-drop";
    this.refusals.byPolicy(answer, stage, typeof what === "string" ? what : what(answer));
    this.session.refuse(answer.reply ?? notNow, answer.verdict === "drop", answer.ownLines);
    return undefined;
  }

  /** What options say of this client has been found out. */
  #adoptTerms(): void {
    if (this.#policy === undefined) return;
    const { receiveTimeoutMs, ...terms } = this.#policy.acls.session.connection.terms;
    this.receiveTimeoutMs = receiveTimeoutMs ?? this.#surroundings.policy.smtp.receiveTimeoutMs;
    this.session.adopt(terms);
  }

  /** What it needs is made ready before the client is told to go ahead. */
  async #decideTls(at: "connect" | "starttls"): Promise<void> {
    const { tls, log } = this.#surroundings;
    const acls = this.#asked;
    const answer = await (at === "connect" ? acls.connect() : acls.other(at));
    this.session.standing = acls.session.connection.standing;
    if (!isAccepted(answer)) {
      if (at === "connect") return this.#decide(answer, at, CONNECTION);
      return this.#decide(answer, "protocol", "STARTTLS ");
    }
    if (at === "starttls") {
      this.log.incomplete("STARTTLS");
      this.session.forgetTransaction();
      this.#forgetTransaction();
    }
    try {
      if (tls === undefined) throw new Error("no certificate");
      this.#prepared = await tls.prepare(acls);
      if (at === "connect") this.#adoptTerms();
      this.session.accept(at === "connect" ? answer.reply : undefined);
    } catch (err) {
      log.warn({ err, clientAddress: this.address }, "TLS is not available");
      this.refusals.ofHandshake(handshakeProblem(err));
      this.session.refuse(tlsUnavailable);
    }
  }

  /** In the middle of the answer to a message. */
  readonly #say = (answer: Reply): Promise<void> | undefined => {
    this.session.progress(answer);
    return this.#line.flushSoon();
  };

  /** Nobody is asked about QUIT: it is only known that it came. */
  #sayGoodbye(): undefined {
    this.session.respond(undefined, false);
    return undefined;
  }

  /** Commands that have an answer of their own: VRFY, EXPN, ETRN, QUIT. */
  #respond(answer: AclAnswer | Promise<AclAnswer>, what: string, usual?: Reply): Promise<void> | undefined {
    if (answer instanceof Promise) return answer.then((decided) => void this.#respond(decided, what, usual));
    if (answer.verdict === "drop") this.#endReason = "acl-drop";
    if (!isAccepted(answer)) this.refusals.byPolicy(answer, "protocol", what);
    this.session.respond(answer.reply ?? usual, answer.verdict === "drop");
    return undefined;
  }

  #authenticate(answer: Eventual<AclAnswer | AuthAnswer>): Promise<void> | undefined {
    if (answer instanceof Promise) return answer.then((decided) => void this.#authenticate(decided));
    if ("verdict" in answer) {
      if (answer.verdict === "drop") this.#endReason = "acl-drop";
      this.refusals.byPolicy(answer, "auth", commandText(this.session.commandLine));
      this.session.authenticationEnded(answer.reply ?? notNow, "denied", answer.verdict === "drop");
    } else if (answer.kind === "challenge") {
      this.session.challenge(answer.text);
    } else if (answer.kind === "unknown") {
      this.session.authenticationEnded(answer.reply, "unknown");
    } else {
      if (answer.log !== undefined) this.#noteFailedLogin(answer.log, answer.reply);
      this.session.authenticationEnded(answer.reply, answer.isAuthenticated ? "authenticated" : "refused");
    }
    return undefined;
  }

  #noteFailedLogin({ before, text }: FailedLogin, answer: Reply): void {
    const { events, metrics } = this.#surroundings;
    metrics.rejections.inc({ stage: "auth" });
    const usual = (): void => this.#asking.write(["main", "reject"], text, { before });
    if (!events.isWatched) {
      usual();
      return;
    }
    const status = answer.status === undefined ? "" : `${answer.status} `;
    events.authenticationFailed(this.#asking, `${answer.code} ${status}${answer.lines.join("\n")}`, (other) => {
      if (other === "") usual();
      else this.#asking.write(["main", "reject"], printable(other));
    });
  }

  /** Nothing is left of a transaction that the session has ended, for those who are asked later. */
  #forgetTransaction(): void {
    this.log.transactionEnded();
    this.envelope?.facts.end();
    this.envelope = undefined;
    this.#policy?.beginMessage();
  }

  #mail(step: Extract<SessionStep, { kind: "mail" }>): Promise<void> | undefined {
    const { policy } = this.#surroundings;
    const given = this.#qualified(step.returnPath, policy.qualifyDomain);
    this.#policy?.beginMessage();
    return this.#rewritten(given, "F", (returnPath) => this.#begin(returnPath, step));
  }

  /** The address as rewriting rules leave it. What cannot be said now is told so. */
  #rewritten(
    address: string,
    place: "F" | "T",
    next: (address: string) => Promise<void> | undefined,
  ): Promise<void> | undefined {
    const { policy } = this.#surroundings;
    if (policy.rewriting === undefined) return next(address);
    const rewriting = rewriteEnvelope(address, place, policy, this.#asked);
    if (rewriting === undefined) return next(address);
    const what = place === "F" ? "MAIL" : "RCPT";
    return rewriting.then(
      (rewritten) => next(rewritten ?? address),
      (err: unknown) => this.#notRewritten(what, `<${address}>`, err),
    );
  }

  #notRewritten(what: "MAIL" | "RCPT", path: string, err: unknown): void {
    if (!(err instanceof DeferError)) throw err;
    const text = `temporarily rejected ${what} ${printable(path)}: ${err.message}`;
    this.refusals.add(what === "MAIL" ? "mail" : "rcpt", text);
    this.session.refuse(notNow);
  }

  /** The argument of a command by the rules that are for those as they come. */
  #readPath({ of, path }: Extract<SessionStep, { kind: "path" }>): Promise<void> {
    const { policy } = this.#surroundings;
    return rewriteArgument(path, policy, this.#asked).then(
      (rewritten) => this.session.readPath(rewritten ?? path),
      (err: unknown) => this.#notRewritten(of, path, err),
    );
  }

  #begin(returnPath: string, step: Extract<SessionStep, { kind: "mail" }>): Promise<void> | undefined {
    const { eightBit, size } = step;
    const { questions, settings, clock, policy } = this.#surroundings;
    const about = { clientAddress: this.address, helo: this.helo, returnPath };
    this.envelope?.facts.end();
    const facts = new TransactionFacts(questions, settings.factsTimeoutMs, about);
    const givenPath = step.returnPath;
    this.envelope = new Envelope(returnPath, eightBit, facts, givenPath === returnPath ? step : { ...step, givenPath });
    this.#line.deadlines.beginTransaction(clock.nowMs);
    if (this.#surroundings.load.level === "overloaded") {
      this.refusals.add("mail", `temporarily rejected MAIL <${returnPath}>: too much load`);
      this.session.refuse(overloaded);
      return undefined;
    }
    const what = ({ record }: AclAnswer): string =>
      record.stage === "mailauth" ? speaksForText(this.session.commandLine) : `MAIL ${this.#path}`;
    return this.#decide(this.#asked.mail({ returnPath, size, ...asksFor(step) }), "mail", what, () => {
      this.log.transactionBegun();
      // The answer comes while the client says RCPT.
      if (policy.wantedFacts.spf) void facts.spf();
    });
  }

  #recipient(step: Extract<SessionStep, { kind: "recipient" }>): Promise<void> | undefined {
    const envelope = this.envelope;
    if (envelope === undefined) throw new Error("a recipient without an envelope");
    return this.#rewritten(this.#qualified(step.address), "T", (address) =>
      this.#askRecipient(address, step, envelope),
    );
  }

  #askRecipient(
    address: string,
    step: Extract<SessionStep, { kind: "recipient" }>,
    envelope: Envelope,
  ): Promise<void> | undefined {
    const what = (): string => `RCPT ${this.#path}`;
    return this.#decide(this.#asked.recipient(address), "rcpt", what, ({ verdict, log }) => {
      if (verdict === "accept") envelope.add(address, step.notification);
      else this.log.discarded(this.#path, this.#asked.session.message.isDiscarded ? "MAIL" : "RCPT", log);
    });
  }

  /** RFC 5321 §4.5.1: postmaster may come without a domain; of some clients, others may. */
  #qualified(address: string, domain = this.#surroundings.policy.qualifyRecipient): string {
    return address === "" || hasDomain(address) ? address : `${address}@${domain}`;
  }

  #startContent(isChunked: boolean): Promise<void> | undefined {
    // As in Exim, nobody is asked before content that has come already.
    if (!isChunked && this.#surroundings.policy.hasAcl("predata")) {
      return this.#decide(this.#asked.predata(), "data", "DATA", () => this.#receive(isChunked));
    }
    this.#receive(isChunked);
    this.session.accept();
    return undefined;
  }

  #receive(isChunked: boolean): void {
    const envelope = this.envelope;
    if (envelope === undefined) throw new Error("content without an envelope");
    const { clock } = this.#surroundings;
    const { authentication } = this.#asked.session.connection;
    const { isExtended } = this.session;
    // RFC 3848 knows no SMTP with authentication.
    const a = authentication === undefined || !isExtended ? "" : "a";
    const s = this.tls === undefined ? "" : envelope.requireTls ? "S" : "s";
    const protocol = `${envelope.smtpUtf8 ? "utf8" : ""}${isExtended ? "esmtp" : "smtp"}${s}${a}`;
    this.reception = new MessageReception(
      {
        client: this,
        envelope,
        protocol,
        tls: this.tls,
        isChunked,
        isGone: () => this.#line.isGone,
        pipelining: this.session.pipelining,
        acls: this.#asked,
        say: this.#say,
        decisions: this.#policy?.decisions,
      },
      this.#surroundings,
    );
    this.#line.deadlines.beginContent(clock.nowMs);
  }

  #add(add: (reception: MessageReception) => Promise<void> | undefined): Promise<void> | undefined {
    if (this.reception === undefined) return undefined;
    try {
      return add(this.reception)?.catch((err: unknown) => this.#cannotStore(err));
    } catch (err) {
      return this.#cannotStore(err);
    }
  }

  /** The rest is read to its end and let go: a client that is not answered before the final dot could only break off. */
  async #cannotStore(err: unknown): Promise<void> {
    // The client has gone meanwhile, and its message with it.
    if (this.reception === undefined) return;
    this.#surroundings.log.warn({ err }, "content could not be taken");
    this.session.discardContent(err instanceof BusFullError ? noRoom : notNow);
    this.refusals.add("data", "temporarily rejected after DATA: content could not be stored");
    this.#forgetTransaction();
    const reception = this.reception;
    this.reception = undefined;
    await reception?.discard();
  }

  #finish(): Promise<void> {
    const reception = this.reception;
    if (reception === undefined) throw new Error("the end of a message that has not begun");
    this.isFinishing = true;
    this.log.transactionEnded();
    // The last chunk has a command of its own.
    if (this.#policy !== undefined) this.#nameCommand(this.#policy.acls);
    return reception.finish().then(({ reply: answer, end, answer: verdict, isUsual }) => {
      const { metrics } = this.#surroundings;
      this.isFinishing = false;
      this.reception = undefined;
      if (verdict !== undefined) {
        const { messageId, rejectDetails: details } = reception;
        const message = details === undefined ? { messageId } : { messageId, details };
        this.refusals.byPolicy(verdict, "data", contentStageName(verdict), message);
      }
      if (end === "taken") metrics.recipients.inc(this.envelope?.recipients.length ?? 0);
      this.#forgetTransaction();
      metrics.messages.inc({ result: RESULTS[end] });
      if (end === "lost") this.#noteLost();
      else {
        if (end === "dropped") this.#endReason = "acl-drop";
        this.session.finish(answer, end === "dropped", isUsual);
      }
      this.#whenFinished?.();
    });
  }

  /** As in Exim, it gets no answer, and so sends its message again. */
  #noteLost(): void {
    // Where it was we who have ended it, that was told.
    if (this.#endReason === undefined) this.log.lostAfterDot();
    this.#isLost = true;
    this.session.abandon();
  }

  #noteRefusal(refusal: Extract<SessionStep, { kind: "refused" }>): Promise<void> | undefined {
    const { stage, reply: answer, command, early } = refusal;
    const { metrics, policy } = this.#surroundings;
    const text = answer.lines.join(" ");
    if (early !== undefined) {
      this.#endReason = "synchronization-error";
      this.log.incomplete("sync failure");
    } else if (this.session.isClosing) this.#endReason = "bad-commands";
    if (early?.isBeforeGreeting === true) this.#isGreeted = false;
    if (stage === "session") {
      const { commandLine, commandHistory, isClosing } = this.session;
      const maxOctets = this.#policy?.acls.session.connection.terms.messageSizeLimit ?? policy.smtp.messageSizeLimit;
      const isTold = logProtocolRefusal(this.log, refusal, { commandLine, commandHistory, isClosing, maxOctets });
      if (isTold) metrics.rejections.inc({ stage: "protocol" });
      else this.refusals.add("protocol", `rejected "${printable(command)}": ${text}`);
      return undefined;
    }
    this.refusals.add("data", `rejected after DATA: ${text}`);
    this.#forgetTransaction();
    metrics.messages.inc({ result: "rejected" });
    const reception = this.reception;
    this.reception = undefined;
    return reception?.discard();
  }
}

/** `$smtp_notquit_reason` */
type NotQuitReason =
  | "acl-drop"
  | "bad-commands"
  | "command-timeout"
  | "connection-lost"
  | "data-timeout"
  | "signal-exit"
  | "synchronization-error"
  | "tls-failed";

/** The extensions that MAIL has named. */
const asksFor = ({ smtpUtf8, prdr, requireTls, authenticatedSender }: Extract<SessionStep, { kind: "mail" }>) => ({
  authenticatedSender,
  isSmtpUtf8: smtpUtf8 === true,
  isPrdr: prdr === true,
  isRequireTls: requireTls === true,
});

/** Of the log. */
const CONNECTION = 'connection in "connect" ACL';
/** RFC 3463 §3.4: the system does not take messages now. */
const overloaded = reply(452, "4.3.2", "Too much load; please try again later");
/** RFC 5321 §3.5.2: lists are not told. */
const NOTHING_EXPANDED: Reply = { code: 252, lines: ["nothing is expanded here"] };
const RESULTS = {
  taken: "accepted",
  discarded: "discarded",
  failed: "deferred",
  refused: "rejected",
  dropped: "rejected",
  lost: "deferred",
} as const;

function unreachable(value: never): never {
  throw new Error(`unhandled step: ${JSON.stringify(value)}`);
}
