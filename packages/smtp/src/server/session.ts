// One file because it is one state machine: which command may come next depends on all that came before.
import { formatReply, type Reply, reply, trim, trimEnd, trimStart } from "@postbus/mail";
import { type BdatCommand, ChunkReader, parseBdat } from "./chunk-reader.ts";
import { type ClientStanding, UNKNOWN_CLIENT } from "./client-standing.ts";
import { CommandHistory } from "./command-history.ts";
import { ContentReader } from "./content-reader.ts";
import type { ExtensionOffers } from "./extension-offers.ts";
import { isHeloName } from "./helo-name.ts";
import { MessageReading } from "./message-reading.ts";
import { type PathRules, parseMail, parseRcpt, parseVrfy, type Unqualified } from "./path-command.ts";
import * as replies from "./replies.ts";
import type { SessionProfile } from "./session-profile.ts";
import type { SessionQuestion, SessionStep } from "./session-step.ts";
import { parseXclient, XCLIENT_ATTRIBUTES } from "./xclient.ts";

/**
 * Octets of a command line, CRLF included. RFC 5321 §4.5.3.1.4 has 512, extensions add some 1,100 (RFC 1870, RFC 3461
 * §5, RFC 4954 §3 more); what is longer comes from nobody who sends mail, and must not make us hold more.
 */
const MAX_COMMAND_OCTETS = 4096;
/** Of a chunk that is thrown away, where messages have no limit. */
const MAX_SKIPPED_OCTETS = 100 * 1024 * 1024;
/** RFC 4954 §4: of a line behind a challenge, CRLF included. */
const MAX_AUTH_OCTETS = 12_288;
/**
 * Commands of any kind but RCPT since the last message that was taken: MAIL and RSET in turn are a flood like any other.
 * More than any client needs whose messages are all refused; it may come again.
 */
const MAX_COMMANDS_WITHOUT_MESSAGE = 1_000;
/** Commands of a session that may do nothing but QUIT. */
const MAX_REFUSED_COMMANDS = 10;

type Phase =
  /** Before the greeting. */
  | "connect"
  | "command"
  | "content"
  /** In a chunk that nobody wants. */
  | "skip"
  /** A step that wants an answer is out. */
  | "connect asked"
  | "helo asked"
  | "mail asked"
  | "recipient asked"
  | "data asked"
  | "end asked"
  | "starttls asked"
  /** TLS may begin; nothing is read or said until it has. */
  | "handshake"
  | "other asked"
  | "quit asked"
  | "auth asked"
  /** The client is to answer a challenge. */
  | "auth"
  | "xclient asked"
  | "closing";

interface RestartOptions {
  readonly helo?: string | undefined;
  readonly isExtended?: boolean | undefined;
  readonly isAuthenticated?: boolean;
}

type AuthenticationEnd = "authenticated" | "refused" | "denied" | "unknown";

/** State that only a transaction needs; most connections have none at most times. */
interface Transaction {
  /** Of RFC 6531. */
  readonly isUtf8: boolean;
  rcptCommands: number;
  recipients: number;
}

/** A chunk that is thrown away. */
interface Skipped {
  left: number;
  /** What is said then: RFC 3030 §2 wants no reply before the chunk's end. */
  readonly answer: () => void;
}

/**
 * The server's side of an SMTP session (RFC 5321) as a machine: octets in, steps and replies out.
 *
 * It has no sockets, no timers, and decides nothing that is policy: those are steps for its owner, who calls
 * `receive` when octets come and then `next` until a step has to wait. Replies collect until `takeOutput`, so that
 * a pipelined group is answered with one write (RFC 2920 §3.2).
 *
 * It is one thing, and longer than most files here, because it is the state machine of the protocol: what may come
 * when, and what a break of the rules leads to.
 */
export class ServerSession {
  readonly #profile: SessionProfile;
  #clientAddress: string;
  /** Of the client, as far as the owner knows. */
  standing: ClientStanding = UNKNOWN_CLIENT;
  /** TLS comes before the greeting (RFC 8314 §3.3): what it has to say in clear text is nothing. */
  readonly #isTlsFirst: boolean;
  readonly #history = new CommandHistory();
  #phase: Phase = "connect";
  #input: Buffer = EMPTY;
  #at = 0;
  /** Up to here the input is known to have no LF. */
  #searched = 0;
  #output = "";
  /** What is said when the client may begin; empty: it has been. */
  #greeting = "";
  /** Empty before HELO or EHLO. */
  #helo = "";
  #line = "";
  #isExtended = false;
  /** Name and kind of the greeting that was in force when the one came that is asked about. */
  #greeted: readonly [helo: string, isExtended: boolean] = UNGREETED;
  /** What the last reply to EHLO has offered. */
  #offers: ExtensionOffers | undefined;
  #isTls = false;
  #isAuthenticated = false;
  #transaction: Transaction | undefined;
  /** MAIL, which is asked about, has said SMTPUTF8. */
  #isMailUtf8 = false;
  /** Content that has not come to its end: with chunks, also between two of them. */
  #reading: MessageReading | undefined;
  /** That which the question is about whether content may come. */
  #announced: BdatCommand | undefined;
  #skipped: Skipped | undefined;
  /** A command has come between two chunks that may not: nothing is in order before RSET (RFC 3030 §2). */
  #isOutOfOrder = false;
  /** A message was refused in a chunk, and nothing but BDAT has come since. */
  #isChunkRefused = false;
  /** The last command was RCPT: DATA behind it may have been sent without waiting for the answer. */
  #isLastRcpt = false;
  /** The last MAIL was refused, and nothing but RCPT has come since. */
  #isMailRefused = false;
  /** The lines that all RCPT commands since the last MAIL, RSET or greeting were refused with; empty: not the same ones. */
  #sameRefusal: readonly string[] | undefined;
  #syntaxErrors = 0;
  #unknownCommands = 0;
  #nonmailCommands = 0;
  /** Of `FREE_ONCE`, those that have come since the last message or handshake. Undefined: none. */
  #usedOnce: Set<string> | undefined;
  #commandsWithoutMessage = 0;
  #mailCommands = 0;
  /** Undefined: the client may speak. */
  #refusedCommands: number | undefined;
  /** Sent instead of the next reading between two transactions. */
  #shutdown: Reply | undefined;
  #refused: Extract<SessionStep, { kind: "refused" }> | undefined;

  constructor(profile: SessionProfile, clientAddress: string, isTlsFirst = false) {
    this.#profile = profile;
    this.#clientAddress = clientAddress;
    this.#isTlsFirst = isTlsFirst;
  }

  /** What the client called itself; empty before HELO or EHLO. */
  get helo(): string {
    return this.#helo;
  }

  /** The last command, as it came, without its line end. */
  get commandLine(): string {
    return this.#line;
  }

  /** The last verbs, comma-separated; they outlive transactions. */
  get commandHistory(): string {
    return String(this.#history);
  }

  /** Whether it said EHLO. */
  get isExtended(): boolean {
    return this.#isExtended;
  }

  /** Whether message content is being read. */
  get isReadingContent(): boolean {
    return this.#phase === "content" || this.#phase === "skip";
  }

  /** Whether a MAIL command has been accepted whose transaction has not ended. */
  get isInTransaction(): boolean {
    return this.#transaction !== undefined;
  }

  /** Whether the client has sent more than it may before it is answered. */
  get #isAhead(): boolean {
    return this.heldOctets > 0 && (this.standing.enforcesSync ?? this.#profile.enforcesSync);
  }

  /** Whether the client has been told that it need not wait for replies (RFC 2920). */
  get #mayPipeline(): boolean {
    return this.#isExtended && this.#offers?.pipelining === true;
  }

  /** Octets received and not yet looked at. The owner stops reading when they become many while a question is out. */
  get heldOctets(): number {
    return this.#input.length - this.#at;
  }

  /** Octets of a header section that is not complete yet: they have been looked at, and not been given out. */
  get collectedOctets(): number {
    return this.#reading?.collectedOctets ?? 0;
  }

  receive(octets: Buffer): void {
    if (this.#phase === "closing") return;
    if (this.#at === this.#input.length) {
      this.#input = octets;
      this.#searched = 0;
    } else {
      this.#searched = Math.max(this.#searched - this.#at, 0);
      this.#input = Buffer.concat([this.#input.subarray(this.#at), octets]);
    }
    this.#at = 0;
  }

  /** The replies since the last call, as a latin1 string; empty if there are none. */
  takeOutput(): string {
    const output = this.#output;
    this.#output = "";
    return output;
  }

  /** What came before the handshake and belongs to it. */
  takeInput(): Buffer {
    const octets = this.#input.subarray(this.#at);
    this.#input = EMPTY;
    this.#at = 0;
    return octets;
  }

  /** What is to be done next. Must not be called while a question is out. */
  next(): SessionStep {
    for (;;) {
      if (this.#refused !== undefined) {
        const step = this.#refused;
        this.#refused = undefined;
        return step;
      }
      let step: SessionStep | undefined;
      switch (this.#phase) {
        case "connect":
          this.#phase = "connect asked";
          return CONNECT;
        case "command":
          step = this.#nextCommand();
          break;
        case "content":
          step = this.#nextContent();
          break;
        case "auth":
          step = this.#nextAuthLine();
          break;
        case "skip":
          step = this.#nextSkipped();
          break;
        case "handshake":
          return HANDSHAKE;
        case "closing":
          return CLOSE;
        default:
          throw new Error(`next() while "${this.#phase}" waits for its answer`);
      }
      if (step !== undefined) return step;
    }
  }

  /** Yes to `connect`, `helo`, `starttls`, `mail`, `recipient` or `data`. @param answer Instead of the usual words. */
  accept(answer?: Reply): void {
    switch (this.#phase) {
      case "connect asked":
        this.#greeting = answer === undefined ? this.#profile.greeting : formatReply(answer);
        if (this.#isTlsFirst && !this.#isTls) {
          this.#phase = "handshake";
          return;
        }
        // Whoever speaks before the greeting does not speak SMTP with us (RFC 5321 §4.3.1).
        if (this.#isAhead) {
          this.#close(replies.synchronizationError, "before the greeting");
          return;
        }
        this.#sayGreeting();
        return;
      case "helo asked":
        this.#phase = "command";
        this.#greet(answer);
        return;
      case "starttls asked":
        // What has come while the question was out would later count as said under TLS, too.
        if (this.heldOctets > 0) {
          this.#close(replies.synchronizationError, this.#line);
          return;
        }
        this.#say(replies.tlsGoAhead);
        this.#phase = "handshake";
        return;
      case "mail asked":
        this.#output += this.#accepted(answer, replies.senderOk);
        this.#isMailRefused = false;
        this.#transaction = { isUtf8: this.#isMailUtf8, rcptCommands: 0, recipients: 0 };
        this.#phase = "command";
        return;
      case "recipient asked":
        this.#output += this.#accepted(answer, replies.recipientOk);
        if (this.#transaction !== undefined) this.#transaction.recipients += 1;
        this.#phase = "command";
        return;
      case "data asked":
        this.#usedOnce?.delete("HELO");
        this.#usedOnce?.delete("RSET");
        if (this.#announced !== undefined) {
          const source = new ChunkReader();
          this.#reading = new MessageReading(source, this.#profile);
          this.#beginChunk(this.#reading, source, this.#announced);
          return;
        }
        // RFC 2920 §3.1: DATA ends a group. What is here already was sent without waiting for 354.
        if (this.#isAhead) {
          this.#close(replies.synchronizationError, "DATA");
          return;
        }
        this.#output += this.#accepted(answer, replies.enterMessage);
        this.#reading = new MessageReading(new ContentReader(), this.#profile);
        this.#phase = "content";
        return;
      default:
        throw new Error(`accept() while "${this.#phase}"`);
    }
  }

  #sayGreeting(): void {
    this.#output += this.#greeting;
    this.#greeting = "";
    this.#phase = "command";
  }

  #accepted(answer: Reply | undefined, usual: Reply): string {
    const { format } = this.#profile;
    return answer === undefined ? format.own(usual) : format.given(answer);
  }

  /**
   * No to `connect`, `helo`, `starttls`, `mail`, `recipient` or `data`.
   *
   * @param isLast The session ends behind the reply: by default if that is a 421 (RFC 5321 §3.8), and always at `connect`.
   * @param ownLines Of the reply's lines, so many at its end are the refusal; those before are details told only once.
   */
  refuse(answer: Reply, isLast = answer.code === 421, ownLines?: number): void {
    switch (this.#phase) {
      case "connect asked":
        this.#end(this.#isTlsFirst && !this.#isTls ? "" : formatReply(answer));
        return;
      case "helo asked":
        // RFC 5321 §4.1.4: everything is as it was before.
        [this.#helo, this.#isExtended] = this.#greeted;
        break;
      case "recipient asked":
        this.#noteRefusedRecipient(answer.lines.slice(-(ownLines ?? answer.lines.length)));
        break;
      case "data asked":
        if (this.#announced !== undefined && !isLast) {
          this.#skip(this.#announced, () => this.#answer(answer, false));
          return;
        }
        break;
      case "mail asked":
      case "starttls asked":
        break;
      default:
        throw new Error(`refuse() while "${this.#phase}"`);
    }
    this.#phase = "command";
    this.#answer(answer, isLast);
  }

  /** The answer to `vrfy`, `expn`, `etrn` or `quit`, whatever it is. @param answer Undefined: the usual words. */
  respond(answer: Reply | undefined, isLast = answer?.code === 421): void {
    if (this.#phase === "quit asked") {
      this.#output += answer === undefined ? this.#profile.closing : this.#profile.format.given(answer);
      this.#phase = "closing";
      return;
    }
    if (this.#phase !== "other asked") throw new Error(`respond() while "${this.#phase}"`);
    this.#phase = "command";
    // As in Exim, only what its ACL has let through is looked at.
    if ((answer?.code ?? 250) < 300 && /^etrn(?! *#)/i.test(this.#line)) {
      this.#protocolError(replies.etrnArgument, this.#line);
      return;
    }
    this.#answer(answer ?? replies.ok, isLast);
  }

  /** 334 to `auth` or `auth line` (RFC 4954 §4). @param text base64. */
  challenge(text: string): void {
    if (this.#phase !== "auth asked") throw new Error(`challenge() while "${this.#phase}"`);
    this.#output += `334 ${text}\r\n`;
    this.#phase = "auth";
  }

  /** The last answer to AUTH. @param end `denied`: by a policy; `unknown`: it has asked for what it was not offered. */
  authenticationEnded(answer: Reply, end: AuthenticationEnd, isLast = answer.code === 421): void {
    if (this.#phase !== "auth asked") throw new Error(`authenticationEnded() while "${this.#phase}"`);
    this.#phase = "command";
    this.#isAuthenticated = end === "authenticated";
    if (end === "denied") this.#answer(answer, isLast);
    else if (end === "unknown") this.#protocolError(answer, this.#line);
    else this.#say(answer);
  }

  /** The answer to `end`: 250, or why not. */
  finish(answer: Reply, isLast = answer.code === 421): void {
    if (this.#phase !== "end asked") throw new Error(`finish() while "${this.#phase}"`);
    if (answer.code < 300) this.#commandsWithoutMessage = 0;
    const chunk = answer.code < 300 && !this.standing.wantsSingleLines ? this.#lastChunk() : undefined;
    this.#endTransaction();
    this.#answer(chunk === undefined ? answer : { ...answer, lines: [chunk, ...answer.lines] }, isLast);
  }

  /** As Exim tells it, before the reply itself. */
  #lastChunk(): string | undefined {
    const { source, octets } = this.#reading ?? {};
    return source instanceof ChunkReader ? `${source.chunkOctets} byte chunk, total ${octets}` : undefined;
  }

  /** While content is read: gives the rest of it to nobody, and answers with `refusal` at its end. */
  discardContent(refusal: Reply): void {
    this.#reading?.discard(refusal);
  }

  /** Everything said before is forgotten (RFC 3207 §4.2): the client starts with EHLO again. */
  tlsEstablished(): void {
    if (this.#phase !== "handshake") throw new Error(`tlsEstablished() while "${this.#phase}"`);
    this.#isTls = true;
    this.#isAuthenticated = false;
    this.#usedOnce = undefined;
    this.#helo = "";
    this.#isExtended = false;
    this.#transaction = undefined;
    this.#sameRefusal = undefined;
    this.#input = EMPTY;
    this.#at = 0;
    this.#sayGreeting();
  }

  /**
   * The answer to `xclient`: the session begins again with that client, from the question `connect` on (Postfix's
   * XCLIENT_README). What it may do has to be found out anew.
   *
   * @param client What it had said in its greeting, if anything, and whether it has shown who it is.
   */
  restart(clientAddress: string, { helo = "", isExtended = false, isAuthenticated = false }: RestartOptions): void {
    if (this.#phase !== "xclient asked") throw new Error(`restart() while "${this.#phase}"`);
    this.standing = UNKNOWN_CLIENT;
    this.#clientAddress = clientAddress;
    this.#helo = helo;
    this.#isExtended = helo !== "" && isExtended;
    this.#offers = undefined;
    this.#isAuthenticated = isAuthenticated;
    this.#sameRefusal = undefined;
    this.#usedOnce = undefined;
    this.#phase = "connect";
  }

  /** A required PROXY header has not come, or was wrong: as in Exim, every command but QUIT is refused. */
  lackProxyHeader(): void {
    this.#refusedCommands = 0;
  }

  /** Ends the session when no transaction runs: at once, or after the reply to the one that runs (RFC 5321 §3.8). */
  shutDown(answer: Reply): void {
    this.#shutdown = answer;
  }

  #nextCommand(): SessionStep | undefined {
    if (this.#shutdown !== undefined && this.#transaction === undefined) {
      this.#end(this.#profile.format.own(this.#shutdown));
      return undefined;
    }
    const next = this.#nextLine(MAX_COMMAND_OCTETS);
    if (next === undefined || "kind" in next) return next;
    const { line, hasCr } = next;
    if (!hasCr) return this.#protocolError(replies.bareLineFeed, line);
    this.#line = line;
    if (CONTROL.test(line)) return this.#protocolError(replies.controlCharacter, line);
    return this.#command(line);
  }

  /** Never in a log: it may be a password. */
  #nextAuthLine(): SessionStep | undefined {
    const next = this.#nextLine(MAX_AUTH_OCTETS);
    if (next === undefined || "kind" in next) return next;
    return this.#ask({ kind: "auth line", line: next.line }, "auth asked");
  }

  /** A line without its end; or that there is none yet; or undefined: it is too long, and that was the end. */
  #nextLine(maxOctets: number): { readonly line: string; readonly hasCr: boolean } | SessionStep | undefined {
    const lineEnd = this.#input.indexOf(LF, Math.max(this.#at, this.#searched));
    if (lineEnd < 0) {
      this.#searched = this.#input.length;
      if (this.heldOctets < maxOctets) return READ;
      this.#close(replies.lineTooLong, "command line without end");
      return undefined;
    }
    const length = lineEnd + 1 - this.#at;
    if (length > maxOctets) {
      this.#close(replies.lineTooLong, "command line without end");
      return undefined;
    }
    const hasCr = length > 1 && this.#input[lineEnd - 1] === CR;
    const line = this.#input.toString("latin1", this.#at, hasCr ? lineEnd - 1 : lineEnd);
    this.#at = lineEnd + 1;
    return { line, hasCr };
  }

  #command(line: string): SessionStep | undefined {
    // RFC 5321 §4.1.1: trailing blanks are to be tolerated.
    const text = line.endsWith(" ") ? trimEnd(line) : line;
    this.#line = text;
    const blank = text.indexOf(" ");
    const verb = (blank < 0 ? text : text.slice(0, blank)).toUpperCase();
    const argument = blank < 0 ? "" : text.slice(blank + 1);
    if (this.#refusedCommands !== undefined && verb !== "QUIT") return this.#refuseCommand(text);
    if (verb !== "RCPT" && verb !== "BDAT" && ++this.#commandsWithoutMessage > MAX_COMMANDS_WITHOUT_MESSAGE) {
      this.#close(replies.tooManyCommands, text);
      return undefined;
    }
    this.#history.add(verb);
    if (verb !== "BDAT") {
      this.#isChunkRefused = false;
      if (this.#reading !== undefined && !BETWEEN_CHUNKS.has(verb)) return this.#outOfOrder(text);
      if (this.#isOutOfOrder && verb !== "RSET" && verb !== "QUIT") {
        return this.#protocolError(replies.onlyReset, text);
      }
    }
    switch (verb) {
      case "MAIL":
        this.#isLastRcpt = false;
        this.#isMailRefused = true;
        return this.#mail(argument, text);
      case "RCPT":
        this.#isLastRcpt = true;
        return this.#rcpt(argument, text);
      case "DATA":
        return this.#data(argument, text);
      case "BDAT":
        return this.#bdat(argument, text);
      default:
        this.#isLastRcpt = false;
        this.#isMailRefused = false;
        if (this.#isTooMuch(verb)) {
          this.#close(replies.tooManyNonmailCommands, text);
          return undefined;
        }
        return this.#otherCommand(verb, argument, text);
    }
  }

  #refuseCommand(text: string): undefined {
    this.#refusedCommands = (this.#refusedCommands ?? 0) + 1;
    if (this.#refusedCommands <= MAX_REFUSED_COMMANDS) this.#output += formatReply(replies.proxyRequired);
    else this.#close(replies.tooManyCommands, text);
  }

  #isTooMuch(verb: string): boolean {
    if (!this.#isNonmail(verb)) return false;
    return ++this.#nonmailCommands > this.#profile.maxNonmail && this.standing.isNonmailLimited;
  }

  /**
   * Counted as Exim does (its manual, "smtp_accept_max_nonmail"): all but commands of mail, QUIT, unknown ones, and one of
   * each of HELO or EHLO, RSET, AUTH between two messages (AUTH: in a connection).
   */
  #isNonmail(verb: string): boolean {
    if (COUNTED.has(verb)) return true;
    if (!FREE_ONCE.has(verb)) return false;
    this.#usedOnce ??= new Set();
    const once = verb === "EHLO" ? "HELO" : verb;
    if (this.#usedOnce.has(once)) return true;
    this.#usedOnce.add(once);
    return false;
  }

  #otherCommand(verb: string, argument: string, text: string): SessionStep | undefined {
    switch (verb) {
      case "EHLO":
      case "HELO":
        return this.#hello(verb, argument, text);
      case "RSET":
        if (argument !== "") return this.#protocolError(replies.unexpectedArgument, text);
        return this.#reset(text);
      case "NOOP":
        this.#say(replies.ok);
        return undefined;
      case "QUIT":
        if (argument !== "") return this.#protocolError(replies.unexpectedArgument, text);
        if (this.#asks("quit")) return this.#ask({ kind: "quit" }, "quit asked");
        this.#output += this.#profile.closing;
        this.#phase = "closing";
        return undefined;
      case "VRFY":
        return this.#vrfy(argument);
      case "HELP":
        this.#say(replies.help);
        return undefined;
      case "STARTTLS":
        return this.#startTls(argument, text);
      case "XCLIENT":
        return this.#xclient(argument, text);
      case "AUTH":
        return this.#auth(argument);
      case "EXPN":
      case "ETRN": {
        const kind = verb === "EXPN" ? "expn" : "etrn";
        if (kind === "etrn" && this.#transaction !== undefined) {
          return this.#protocolError(replies.etrnInTransaction, text);
        }
        if (this.#asks(kind)) return this.#ask({ kind, argument: trim(argument) }, "other asked");
        return this.#protocolError(replies.notImplemented, text);
      }
      case "TURN":
      case "SEND":
      case "SOML":
      case "SAML":
        return this.#protocolError(replies.notImplemented, text);
      default:
        return this.#unknownCommand(text);
    }
  }

  #reset(text: string): SessionStep | undefined {
    const isContentVoid = this.#reading !== undefined;
    this.#transaction = undefined;
    this.#sameRefusal = undefined;
    this.#reading = undefined;
    this.#isOutOfOrder = false;
    this.#say(replies.resetOk);
    this.#mustNotBePipelined(text);
    return isContentVoid || this.#asks("reset") ? RESET : undefined;
  }

  /** Wrong syntax is not counted among the errors, as in Exim: people ask so. */
  #vrfy(argument: string): SessionStep | undefined {
    const address = parseVrfy(argument, this.standing.mayOmitRecipientDomain);
    if (typeof address !== "string") {
      this.#say(address);
      return undefined;
    }
    if (this.#asks("vrfy")) return this.#ask({ kind: "vrfy", address }, "other asked");
    this.#say(replies.vrfyAnswer);
    return undefined;
  }

  #hello(verb: "EHLO" | "HELO", argument: string, text: string): SessionStep | undefined {
    if (!isHeloName(argument)) {
      const answer = reply(501, "5.5.4", `Syntactically invalid ${verb} argument(s)`);
      if (++this.#syntaxErrors <= this.#profile.maxSyntaxErrors) this.#say(answer);
      // As in Exim, without another word.
      else this.#close(answer, text);
      return undefined;
    }
    this.#greeted = [this.#helo, this.#isExtended];
    this.#helo = argument;
    this.#isExtended = verb === "EHLO";
    // What the client may do is known from the reply only (RFC 2920 §3.1), so nothing may have been sent behind it.
    if (this.#isAhead) {
      this.#close(replies.synchronizationError, text);
      return undefined;
    }
    if (this.#asks("helo")) {
      return this.#ask({ kind: "helo", name: argument, isExtended: this.#isExtended }, "helo asked");
    }
    this.#greet(undefined);
    return undefined;
  }

  /** @param answer Its first line stands for ours: in the others, clients look for extensions. */
  #greet(answer: Reply | undefined): void {
    // RFC 5321 §4.1.4: EHLO in mid-session resets as RSET does.
    this.#transaction = undefined;
    this.#sameRefusal = undefined;
    const { hostname, extensions, offers } = this.#profile;
    const separator = this.#isExtended ? "-" : " ";
    const usual = `${hostname} Hello ${this.standing.name || this.#helo} [${this.#clientAddress}]`;
    const line = formatReply({ code: answer?.code ?? 250, lines: [answer?.lines[0] ?? usual] });
    this.#output += `${line.slice(0, 3)}${separator}${line.slice(4)}`;
    if (!this.#isExtended) return;
    const { mechanisms } = this.standing;
    if (mechanisms !== "") this.#output += `250-AUTH ${mechanisms}\r\n`;
    if (this.standing.mayXclient) this.#output += `250-XCLIENT ${XCLIENT_ATTRIBUTES}\r\n`;
    this.#offers = { ...offers, ...this.standing.offers };
    if (this.standing.isPipeliningOff) this.#offers = { ...this.#offers, pipelining: false };
    // RFC 3207 §4.2: STARTTLS is not to be offered again.
    this.#output += extensions.for(this.#offers, this.#offersTls);
  }

  get #offersTls(): boolean {
    return this.#profile.offersTls && this.standing.isTlsOffered && !this.#isTls;
  }

  #asks(question: SessionQuestion): boolean {
    return this.#profile.asks.has(question);
  }

  #ask(step: SessionStep, phase: Phase): SessionStep {
    this.#phase = phase;
    return step;
  }

  #mail(argument: string, text: string): SessionStep | undefined {
    this.#mailCommands += 1;
    const path = afterWord(argument, "FROM:");
    if (path === undefined) return this.#unknownCommand(text);
    if (this.#helo === "") return this.#protocolError(replies.heloRequired, text);
    if (this.#transaction !== undefined) return this.#protocolError(replies.senderAlreadyGiven, text);
    this.#sameRefusal = undefined;
    if (path === "") {
      return this.#protocolError(reply(501, "5.5.4", "MAIL must have an address operand"), text);
    }
    // As in Exim, every MAIL counts.
    const { mailMax } = this.#profile;
    if (mailMax > 0 && this.#mailCommands > mailMax) return this.#close(replies.tooManyMessages, text);
    const command = parseMail(
      path,
      this.#pathRules(this.standing.mayOmitSenderDomain, this.#isExtended && this.#offers?.smtpUtf8 === true),
    );
    if ("kind" in command) return this.#unqualified(command, text);
    if ("code" in command) return this.#protocolError(command, text);
    const { messageSizeLimit } = this.#profile;
    if (messageSizeLimit > 0 && command.size !== undefined && command.size > messageSizeLimit) {
      this.#say(replies.messageTooBig);
      this.#refused = { kind: "refused", stage: "session", reply: replies.messageTooBig, command: text };
      return this.#mustNotBePipelined(text);
    }
    if (!this.#maySendMore(text)) return undefined;
    this.#isMailUtf8 = command.smtpUtf8 === true;
    this.#phase = "mail asked";
    return { kind: "mail", ...command };
  }

  #rcpt(argument: string, text: string): SessionStep | undefined {
    const path = afterWord(argument, "TO:");
    if (path === undefined) return this.#unknownCommand(text);
    const transaction = this.#transaction;
    if (transaction === undefined) {
      // In a pipelined group behind a refused MAIL, RCPT is no fault of the client.
      this.#noteRefusedRecipient(ownWords(replies.senderNotYetGiven));
      if (!this.#mayPipeline || !this.#isMailRefused) {
        this.#isLastRcpt = false;
        return this.#protocolError(replies.senderNotYetGiven, text);
      }
      this.#say(replies.senderNotYetGiven);
      return undefined;
    }
    const command =
      path === ""
        ? replies.rcptOperandMissing
        : parseRcpt(path, this.#pathRules(this.standing.mayOmitRecipientDomain, transaction.isUtf8));
    if (!("address" in command)) {
      this.#noteRefusedRecipient(ownWords("kind" in command ? command.reply : command));
      return "kind" in command ? this.#unqualified(command, text) : this.#protocolError(command, text);
    }
    transaction.rcptCommands += 1;
    if (transaction.rcptCommands > this.#profile.recipientsMax) {
      this.#say(replies.tooManyRecipients);
      this.#noteRefusedRecipient(ownWords(replies.tooManyRecipients));
      return this.#mustNotBePipelined(text);
    }
    if (!this.#maySendMore(text)) return undefined;
    this.#phase = "recipient asked";
    return { kind: "recipient", ...command };
  }

  #pathRules(mayOmitDomain: boolean, acceptsUtf8: boolean): PathRules {
    return {
      isExtended: this.#isExtended,
      acceptsLiterals: this.#profile.acceptsLiterals,
      mayOmitDomain,
      offersDsn: this.#offers?.dsn === true,
      offersAuth: this.#isAuthenticated || this.standing.mechanisms !== "",
      acceptsUtf8,
    };
  }

  /** Not counted among the errors, as in Exim: the syntax is good. */
  #unqualified({ reply: answer }: Unqualified, text: string): undefined {
    // RCPT is not counted else.
    if (++this.#commandsWithoutMessage > MAX_COMMANDS_WITHOUT_MESSAGE) {
      this.#close(replies.tooManyCommands, text);
      return;
    }
    this.#say(answer);
    this.#refused = { kind: "refused", stage: "session", reply: answer, command: text };
  }

  #data(argument: string, text: string): SessionStep | undefined {
    const transaction = this.#transaction;
    const isBehindRcpt = this.#isLastRcpt;
    this.#isLastRcpt = false;
    this.#isMailRefused = false;
    if (argument !== "") return this.#protocolError(replies.unexpectedArgument, text);
    if (transaction === undefined || transaction.recipients === 0) {
      return this.#dataWithoutRecipients(isBehindRcpt, text);
    }
    this.#phase = "data asked";
    return DATA;
  }

  /** RFC 3030. The predata ACL is the owner's to ask or not: nothing is said before the chunk has come. */
  #bdat(argument: string, text: string): SessionStep | undefined {
    const isBehindRcpt = this.#isLastRcpt;
    this.#isLastRcpt = false;
    this.#isMailRefused = false;
    // What follows is content, and must not be taken for commands.
    if (!this.#isExtended || this.#offers?.chunking !== true) return this.#close(replies.bdatNotAdvertised, text);
    const command = parseBdat(argument);
    if (command === undefined) return this.#close(replies.bdatSizeMissing, text);
    if (!Number.isSafeInteger(command.octets)) return this.#close(replies.messageTooBig, text);
    // A message may have many chunks; empty ones are none.
    if (command.octets === 0 && ++this.#commandsWithoutMessage > MAX_COMMANDS_WITHOUT_MESSAGE) {
      return this.#close(replies.tooManyCommands, text);
    }
    const reading = this.#reading;
    if (reading?.source instanceof ChunkReader) return this.#beginChunk(reading, reading.source, command);
    if (this.#isOutOfOrder) return this.#skip(command, () => this.#protocolError(replies.onlyReset, text));
    if (this.#transaction === undefined || this.#transaction.recipients === 0) {
      const isRefusedBefore = this.#isChunkRefused && this.#mayPipeline;
      return this.#skip(command, () => {
        if (isRefusedBefore) this.#say(replies.recipientMustPrecede.BDAT);
        else this.#dataWithoutRecipients(isBehindRcpt, text, "BDAT");
      });
    }
    this.#announced = command;
    this.#phase = "data asked";
    return CHUNKS;
  }

  #beginChunk(reading: MessageReading, source: ChunkReader, command: BdatCommand): undefined {
    source.begin(command);
    this.#announced = undefined;
    this.#phase = "content";
    this.#refused = reading.announce(command.octets);
  }

  #skip({ octets }: BdatCommand, answer: () => void): undefined {
    this.#announced = undefined;
    if (++this.#commandsWithoutMessage > MAX_COMMANDS_WITHOUT_MESSAGE) {
      return this.#close(replies.tooManyCommands, this.#line);
    }
    if (octets > (this.#profile.messageSizeLimit || MAX_SKIPPED_OCTETS)) {
      return this.#close(replies.messageTooBig, this.#line);
    }
    this.#skipped = { left: octets, answer };
    this.#phase = "skip";
  }

  #nextSkipped(): SessionStep | undefined {
    const skipped = this.#skipped;
    if (skipped === undefined) throw new Error("nothing to skip");
    const octets = Math.min(skipped.left, this.heldOctets);
    skipped.left -= octets;
    this.#at += octets;
    this.#searched = 0;
    if (skipped.left > 0) return READ;
    this.#skipped = undefined;
    this.#phase = "command";
    skipped.answer();
    return undefined;
  }

  /** A command that may not be between two chunks: the message is void. */
  #outOfOrder(text: string): SessionStep | undefined {
    this.#reading = undefined;
    this.#isOutOfOrder = true;
    this.#protocolError(replies.onlyBdat, text);
    return { kind: "refused", stage: "content", reply: replies.onlyBdat, command: text };
  }

  /** As Exim: the refusal that all recipients met is repeated, and in a pipelined group DATA is no fault of the client. */
  #dataWithoutRecipients(isBehindRcpt: boolean, text: string, verb: "DATA" | "BDAT" = "DATA"): undefined {
    const same = this.#sameRefusal ?? [];
    if (same.length > 0 && !this.standing.wantsSingleLines) {
      const why: [string, ...string[]] = [replies.allRecipientsRefused, ...same];
      this.#output += this.#profile.format
        .own({ code: 503, status: "5.5.1", lines: why })
        .replaceAll(/^503 /gm, "503-");
    }
    if (this.#mayPipeline && isBehindRcpt) {
      this.#say(replies.noRecipientWith[verb]);
      return;
    }
    this.#protocolError(replies.recipientMustPrecede[verb], text);
  }

  #xclient(argument: string, text: string): SessionStep | undefined {
    if (!this.standing.mayXclient) return this.#unknownCommand(text);
    if (this.#transaction !== undefined) return this.#protocolError(replies.xclientInTransaction, text);
    const client = parseXclient(argument);
    if (typeof client === "string") return this.#protocolError(reply(501, "5.5.4", client), text);
    return this.#ask({ kind: "xclient", client }, "xclient asked");
  }

  #startTls(argument: string, text: string): SessionStep | undefined {
    if (argument !== "") return this.#protocolError(replies.unexpectedArgument, text);
    if (!this.#offersTls || !this.#isExtended) {
      return this.#protocolError(replies.startTlsNotAdvertised, text);
    }
    // Clear text behind STARTTLS would later count as said under TLS (CVE-2011-0411).
    if (this.heldOctets > 0) {
      this.#close(replies.synchronizationError, text);
      return undefined;
    }
    return this.#ask(STARTTLS, "starttls asked");
  }

  #auth(argument: string): SessionStep | undefined {
    const [mechanism = "", initial] = trimStart(argument).split(/ +/);
    // What follows may be a password.
    this.#line = mechanism === "" ? "AUTH" : `AUTH ${mechanism}`;
    const { mechanisms, mayAuthenticateUnasked } = this.standing;
    if ((mechanisms === "" || !this.#isExtended) && !mayAuthenticateUnasked) {
      return this.#protocolError(replies.authNotAdvertised, this.#line);
    }
    // RFC 4954 §4
    if (this.#isAuthenticated) return this.#protocolError(replies.alreadyAuthenticated, this.#line);
    if (this.#transaction !== undefined) return this.#protocolError(replies.authInTransaction, this.#line);
    return this.#ask({ kind: "auth", mechanism, initial }, "auth asked");
  }

  #nextContent(): SessionStep | undefined {
    const reading = this.#reading;
    if (reading === undefined) throw new Error("content without a reader");
    const { source } = reading;
    const body = reading.takeBody();
    if (body !== undefined) return body;
    if (source.isComplete) return this.#endOfContent(reading);
    if (source instanceof ChunkReader) {
      if (source.isBetweenChunks) return this.#endOfChunk(reading, source);
      if (this.heldOctets === 0 && !source.needsNothing) return READ;
    } else if (this.heldOctets === 0) return READ;

    const step = reading.read(this.#input, this.#at);
    this.#at = source.consumed;
    this.#searched = 0;
    return step;
  }

  #endOfChunk(reading: MessageReading, { chunkOctets }: ChunkReader): SessionStep | undefined {
    if (reading.refusal !== undefined) return this.#endOfContent(reading);
    this.#phase = "command";
    this.#say({ code: 250, status: "2.0.0", lines: [`${chunkOctets} byte chunk received`] });
    return this.#mustNotBePipelined(this.#line);
  }

  #endOfContent({ refusal, source }: MessageReading): SessionStep | undefined {
    if (refusal === undefined) {
      this.#phase = "end asked";
      return END;
    }
    this.#endTransaction();
    this.#say(refusal);
    if (refusal.code === 421) this.#end("");
    if (source instanceof ChunkReader) this.#isChunkRefused = true;
    // What follows may still be content to its sender: nothing of it is taken for a command.
    else if (source.hasBareCr) this.#end(this.#profile.format.own(replies.endInDoubt));
    return undefined;
  }

  #endTransaction(): void {
    this.#transaction = undefined;
    this.#sameRefusal = undefined;
    this.#reading = undefined;
    this.#phase = "command";
  }

  #noteRefusedRecipient(lines: readonly string[]): void {
    const same = this.#sameRefusal;
    this.#sameRefusal = same === undefined || same.join("\n") === lines.join("\n") ? lines : [];
  }

  #unknownCommand(text: string): undefined {
    this.#unknownCommands += 1;
    if (this.#unknownCommands > this.#profile.maxUnknownCommands) {
      this.#close(replies.tooManyUnknownCommands, text);
      return undefined;
    }
    // Counted among the syntax errors as well, as in Exim.
    return this.#protocolError(replies.unrecognizedCommand, text);
  }

  /** Wrong syntax (500, 501, 553, 555) or a wrong place (503): answered, counted, and too much of it ends the session. */
  #protocolError(answer: Reply, text: string): undefined {
    this.#syntaxErrors += 1;
    if (this.#syntaxErrors <= this.#profile.maxSyntaxErrors) {
      this.#say(answer);
      return undefined;
    }
    const [first, ...rest] = [...answer.lines, "Too many syntax or protocol errors"];
    this.#close({ ...answer, lines: [first ?? "", ...rest] }, text);
    return undefined;
  }

  /** Sending on without waiting for the reply is a right that EHLO's reply gives (RFC 2920). */
  #maySendMore(text: string): boolean {
    if (this.#mayPipeline || !this.#isAhead) return true;
    this.#close(replies.synchronizationError, text);
    return false;
  }

  #mustNotBePipelined(text: string): undefined {
    this.#maySendMore(text);
    return undefined;
  }

  /** Somebody else's words. */
  #answer(answer: Reply, isLast: boolean): void {
    const octets = this.#profile.format.given(answer);
    if (isLast) this.#end(octets);
    else this.#output += octets;
  }

  /** Our own words. */
  #say(answer: Reply): void {
    this.#output += this.#profile.format.own(answer);
  }

  /** Ends the session because of what the client did; that goes into the log. */
  #close(answer: Reply, command: string): undefined {
    this.#end(this.#profile.format.own(answer));
    // Behind the mechanism of an AUTH command comes what may be a password.
    const shown = command.replace(/^(AUTH[ \t]+[^ \t\r]+)[\s\S]*$/i, "$1");
    this.#refused = { kind: "refused", stage: "session", reply: answer, command: shown };
  }

  #end(lastReply: string): void {
    this.#output += lastReply;
    this.#transaction = undefined;
    this.#reading = undefined;
    this.#input = EMPTY;
    this.#at = 0;
    this.#phase = "closing";
  }
}

/** What follows `word` (in any case) at the start, without blanks before it (they are common, and Exim takes them). */
function afterWord(argument: string, word: string): string | undefined {
  if (argument.slice(0, word.length).toUpperCase() !== word) return undefined;
  return argument.charCodeAt(word.length) === SPACE
    ? trimStart(argument.slice(word.length))
    : argument.slice(word.length);
}

/** What the session itself has said to RCPT, as Exim repeats it: with the code. */
const ownWords = ({ code, lines }: Reply): string[] => lines.map((line) => `${code} ${line}`);

/** Commands that are no mail. STARTTLS that is not offered, and unknown ones, are counted as errors. */
const COUNTED: ReadonlySet<string> = new Set(["NOOP", "VRFY", "EXPN", "ETRN", "HELP"]);
/** The first of them between two messages is part of mail. */
const FREE_ONCE: ReadonlySet<string> = new Set(["HELO", "EHLO", "RSET", "AUTH"]);
/** What Exim lets a client say before its message is complete. */
const BETWEEN_CHUNKS: ReadonlySet<string> = new Set(["RSET", "NOOP", "QUIT"]);
const EMPTY = Buffer.alloc(0);
const UNGREETED = ["", false] as const;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
// biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
const CONTROL = /[\x00-\x1f\x7f]/;
const READ: SessionStep = { kind: "read" };
const CONNECT: SessionStep = { kind: "connect" };
const RESET: SessionStep = { kind: "reset" };
const DATA: SessionStep = { kind: "data", isChunked: false };
const CHUNKS: SessionStep = { kind: "data", isChunked: true };
const END: SessionStep = { kind: "end" };
const STARTTLS: SessionStep = { kind: "starttls" };
const HANDSHAKE: SessionStep = { kind: "handshake" };
const CLOSE: SessionStep = { kind: "close" };
