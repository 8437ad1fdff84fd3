// One file because it is the owner's side of one state machine: each method is an answer that one of its phases waits for.
import { formatReply, type Reply } from "@postbus/mail";
import { type ClientStanding, UNKNOWN_CLIENT } from "./client-standing.ts";
import { readAsAnswered } from "./commands/ask-path.ts";
import { authLine } from "./commands/auth.ts";
import { beginChunks, skip, skipChunk } from "./commands/bdat.ts";
import { nextCommand } from "./commands/command.ts";
import { content, lastChunk } from "./commands/content.ts";
import { greet } from "./commands/hello.ts";
import { ContentReader } from "./content-reader.ts";
import type { LineObserver } from "./line-observer.ts";
import { MessageReading } from "./message-reading.ts";
import * as replies from "./replies.ts";
import { SessionCore } from "./session-core.ts";
import { profileUnder, type SessionProfile, type SessionTerms } from "./session-profile.ts";
import type { SessionStep } from "./session-step.ts";

interface RestartOptions {
  readonly helo?: string | undefined;
  readonly isExtended?: boolean | undefined;
  readonly isAuthenticated?: boolean;
}

type AuthenticationEnd = "authenticated" | "refused" | "denied" | "unknown";

/**
 * The server's side of an SMTP session (RFC 5321) as a machine: octets in, steps and replies out.
 *
 * It has no sockets, no timers, and decides nothing that is policy: those are steps for its owner, who calls
 * `receive` when octets come and then `next` until a step has to wait. Replies collect until `takeOutput`, so that
 * a pipelined group is answered with one write (RFC 2920 §3.2).
 *
 * Here are the owner's side of it and the answers to steps; what a command may say and when stands in `commands/`.
 */
export class ServerSession {
  readonly #core: SessionCore;
  /** For all clients. */
  readonly #profile: SessionProfile;
  /** TLS comes before the greeting (RFC 8314 §3.3): what it has to say in clear text is nothing. */
  readonly #isTlsFirst: boolean;
  /** What is said when the client may begin; empty: it has been. */
  #greeting = "";
  /** Sent instead of the next reading between two transactions. */
  #shutdown: Reply | undefined;

  constructor(profile: SessionProfile, clientAddress: string, isTlsFirst = false) {
    this.#profile = profile;
    this.#core = new SessionCore(profile, clientAddress);
    this.#isTlsFirst = isTlsFirst;
  }

  /** Of the client, as far as the owner knows. */
  get standing(): ClientStanding {
    return this.#core.standing;
  }

  set standing(standing: ClientStanding) {
    this.#core.standing = standing;
  }

  /** What holds for this client and not for all; it replaces what was said before. To be called while `connect` is asked. */
  adopt(terms: SessionTerms): void {
    // Most clients are as all others: they share what is made of the settings.
    this.#core.profile = Object.keys(terms).length === 0 ? this.#profile : profileUnder(this.#profile, terms);
  }

  /** Who looks on from now on. */
  set observer(observer: LineObserver) {
    this.#core.observer = observer;
  }

  /** What the client called itself; empty before HELO or EHLO. */
  get helo(): string {
    return this.#core.helo;
  }

  /** The last command, as it came, without its line end. */
  get commandLine(): string {
    return this.#core.line;
  }

  /** The last verbs, comma-separated; they outlive transactions. */
  get commandHistory(): string {
    return String(this.#core.history);
  }

  /** Whether it said EHLO. */
  get isExtended(): boolean {
    return this.#core.isExtended;
  }

  /** Whether message content is being read. */
  get isReadingContent(): boolean {
    const { phase } = this.#core;
    return phase === "content" || phase === "skip";
  }

  /** Whether a MAIL command has been accepted whose transaction has not ended. */
  get isInTransaction(): boolean {
    return this.#core.transaction !== undefined;
  }

  /** Whether the client has said MAIL, in whatever form. */
  get hasMail(): boolean {
    return this.#core.limits.hasMail;
  }

  get hasQuit(): boolean {
    return this.#core.hasQuit;
  }

  /** What of pipelining the client was offered, and has used in its transaction (RFC 2920), as Exim's log has it. */
  get pipelining(): "L" | "L-" | "L." | "L.-" | undefined {
    const { mayPipeline, hasPipelined, offers } = this.#core;
    if (!mayPipeline) return undefined;
    const isEarlyOffered = offers?.pipeConnect === true;
    if (hasPipelined) return isEarlyOffered ? "L." : "L";
    return isEarlyOffered ? "L.-" : "L-";
  }

  /** Whether nothing more will be read. */
  get isClosing(): boolean {
    return this.#core.phase === "closing";
  }

  /** Octets received and not yet looked at. The owner stops reading when they become many while a question is out. */
  get heldOctets(): number {
    return this.#core.input.length;
  }

  /** Octets of a header section that is not complete yet: they have been looked at, and not been given out. */
  get collectedOctets(): number {
    return this.#core.reading?.collectedOctets ?? 0;
  }

  receive(octets: Buffer): void {
    if (this.#core.phase !== "closing") this.#core.input.add(octets);
  }

  /** The replies since the last call, as a latin1 string; empty if there are none. */
  takeOutput(): string {
    const { output } = this.#core;
    this.#core.output = "";
    return output;
  }

  /** What came before the handshake and belongs to it. */
  takeInput(): Buffer {
    return this.#core.input.takeAll();
  }

  /** What is to be done next. Must not be called while a question is out. */
  next(): SessionStep {
    const core = this.#core;
    for (;;) {
      const { refused } = core;
      core.refused = undefined;
      const step = refused ?? this.#advance(core);
      if (step !== undefined) return step;
    }
  }

  #advance(core: SessionCore): SessionStep | undefined {
    switch (core.phase) {
      case "connect":
        return core.ask({ kind: "connect" }, "connect asked");
      case "greeting":
        return { kind: "read" };
      case "command":
        if (core.path !== undefined) return readAsAnswered(core);
        if (this.#shutdown === undefined || core.transaction !== undefined) return nextCommand(core);
        return void core.end(core.profile.format.own(this.#shutdown));
      case "content":
        return content(core);
      case "auth":
        return authLine(core);
      case "skip":
        return skip(core);
      case "handshake":
        return { kind: "handshake" };
      case "closing":
        return { kind: "close" };
      default:
        throw new Error(`next() while "${core.phase}" waits for its answer`);
    }
  }

  /** Yes to `connect`, `helo`, `starttls`, `mail`, `recipient` or `data`. @param answer Instead of the usual words. */
  accept(answer?: Reply): void {
    const core = this.#core;
    switch (core.phase) {
      case "connect asked":
        this.#greeting = answer === undefined ? core.profile.greeting : formatReply(answer);
        if (this.#isTlsFirst && !core.isTls) core.phase = "handshake";
        // Whoever speaks before the greeting does not speak SMTP with us (RFC 5321 §4.3.1).
        else if (core.isAheadOfHello) core.outOfSync(true);
        else this.#sayGreeting();
        return;
      case "helo asked":
        // As in Exim, here and behind MAIL and RCPT: whoever waits for nothing is found out by a delay in the ACL.
        if (core.isAheadOfHello) return void core.outOfSync();
        core.phase = "command";
        greet(core, answer);
        return;
      case "starttls asked":
        // What has come while the question was out would later count as said under TLS, too.
        if (core.input.length > 0) return void core.outOfSync();
        core.say(replies.tlsGoAhead);
        core.phase = "handshake";
        return;
      case "mail asked":
        if (!core.maySendMore()) return;
        if (core.mail.isPrdr) this.#sayYes(answer && withPrdr(answer), withPrdr(replies.senderOk));
        else this.#sayYes(answer, replies.senderOk);
        core.isMailRefused = false;
        core.transaction = { ...core.mail, rcptCommands: 0, recipients: 0 };
        core.phase = "command";
        return;
      case "recipient asked":
        if (!core.maySendMore()) return;
        this.#sayYes(answer, replies.recipientOk);
        if (core.transaction !== undefined) core.transaction.recipients += 1;
        core.phase = "command";
        return;
      case "data asked":
        core.limits.noteContent();
        if (core.announced !== undefined) return void beginChunks(core, core.announced);
        // RFC 2920 §3.1: DATA ends a group. What is here already was sent without waiting for 354.
        if (core.isAhead) return void core.outOfSync();
        this.#sayYes(answer, replies.enterMessage);
        core.reading = new MessageReading(new ContentReader(), core.profile);
        core.phase = "content";
        return;
      default:
        throw new Error(`accept() while "${core.phase}"`);
    }
  }

  #sayGreeting(): void {
    this.#core.output += this.#greeting;
    this.#greeting = "";
    this.#core.phase = "command";
  }

  #sayYes(answer: Reply | undefined, usual: Reply): void {
    if (answer === undefined) this.#core.say(usual);
    else this.#core.answer(answer, false);
  }

  /**
   * No to `connect`, `helo`, `starttls`, `mail`, `recipient` or `data`.
   *
   * @param isLast The session ends behind the reply: by default if that is a 421 (RFC 5321 §3.8), and always at `connect`.
   * @param ownLines Of the reply's lines, so many at its end are the refusal; those before are details told only once.
   */
  refuse(answer: Reply, isLast = answer.code === 421, ownLines?: number): void {
    const core = this.#core;
    switch (core.phase) {
      case "connect asked":
        core.end(this.#isTlsFirst && !core.isTls ? "" : formatReply(answer));
        return;
      case "helo asked":
        // RFC 5321 §4.1.4: everything is as it was before.
        [core.helo, core.isExtended, core.hasGreeted] = core.greeted;
        break;
      case "path asked":
        core.path = undefined;
        if (core.isLastRcpt) core.noteRefusedRecipient(answer.lines);
        break;
      case "recipient asked":
        core.noteRefusedRecipient(answer.lines.slice(-(ownLines ?? answer.lines.length)));
        break;
      case "data asked":
        if (core.announced !== undefined && !isLast) {
          // The chunks behind it must not become a message without their beginning.
          skipChunk(core, core.announced, () => {
            core.forgetTransaction();
            core.isChunkRefused = true;
            core.answer(answer, false);
          });
          return;
        }
        break;
      case "mail asked":
      case "starttls asked":
        break;
      default:
        throw new Error(`refuse() while "${core.phase}"`);
    }
    core.phase = "command";
    core.answer(answer, isLast);
  }

  /** The answer to `path`: how it is read. */
  readPath(path: string): void {
    this.#leave("path asked");
    if (this.#core.path !== undefined) this.#core.path.answer = path;
  }

  /** The answer to `vrfy`, `expn`, `etrn` or `quit`, whatever it is. @param answer Undefined: the usual words. */
  respond(answer: Reply | undefined, isLast = answer?.code === 421): void {
    const core = this.#core;
    if (core.phase === "quit asked") {
      core.output += answer === undefined ? core.profile.closing : core.profile.format.given(answer);
      core.phase = "closing";
      return;
    }
    this.#leave("other asked");
    // As in Exim, only what its ACL has let through is looked at.
    if ((answer?.code ?? 250) < 300 && /^etrn(?! *#)/i.test(core.line)) core.protocolError(replies.etrnArgument);
    else core.answer(answer ?? replies.ok, isLast);
  }

  /** 334 to `auth` or `auth line` (RFC 4954 §4). @param text base64. */
  challenge(text: string): void {
    this.#leave("auth asked");
    this.#core.output += `334 ${text}\r\n`;
    this.#core.phase = "auth";
  }

  /** The last answer to AUTH. @param end `denied`: by a policy; `unknown`: it has asked for what it was not offered. */
  authenticationEnded(answer: Reply, end: AuthenticationEnd, isLast = answer.code === 421): void {
    const core = this.#core;
    this.#leave("auth asked");
    core.isAuthenticated = end === "authenticated";
    if (end === "denied") core.answer(answer, isLast);
    else if (end === "unknown") core.protocolError(answer);
    else core.say(answer);
  }

  /** While `end` is asked: a reply that is not the last one to the message. */
  progress(answer: Reply): void {
    if (this.#core.phase !== "end asked") throw new Error(`progress() while "${this.#core.phase}"`);
    this.#core.answer(answer, false);
  }

  /**
   * The answer to `end`: 250, or why not.
   *
   * @param isUsual Nobody has chosen the words: with BDAT, the octets are told as well, as in Exim.
   */
  finish(answer: Reply, isLast = answer.code === 421, isUsual = false): void {
    const core = this.#core;
    this.#leave("end asked");
    const { reading } = core;
    if (answer.code < 300) core.limits.noteMessage();
    const chunk = isUsual && !core.standing.wantsSingleLines && reading !== undefined ? lastChunk(reading) : undefined;
    core.forgetTransaction();
    core.answer(chunk === undefined ? answer : { ...answer, lines: [chunk, ...answer.lines] }, isLast);
  }

  /** The answer to `end` when nobody is there to hear it: the session is over. */
  abandon(): void {
    this.#leave("end asked");
    this.#core.end("");
  }

  /** While content is read: gives the rest of it to nobody, and answers with `refusal` at its end. */
  discardContent(refusal: Reply): void {
    this.#core.reading?.discard(refusal);
  }

  /** STARTTLS will be done: as in Exim, a transaction ends here, whether or not the handshake comes to anything. */
  forgetTransaction(): void {
    this.#core.forgetTransaction();
  }

  /** Everything said before is forgotten (RFC 3207 §4.2): the client starts with EHLO again. */
  tlsEstablished(): void {
    const core = this.#core;
    if (core.phase !== "handshake") throw new Error(`tlsEstablished() while "${core.phase}"`);
    core.isTls = true;
    core.isAuthenticated = false;
    core.limits.noteRestart();
    core.helo = "";
    core.hasGreeted = false;
    if (core.profile.remembersExtended !== true) core.isExtended = false;
    core.forgetTransaction();
    core.input.clear();
    core.phase = this.#greeting === "" ? "command" : "greeting";
  }

  /** Whether `greet` is waited for. */
  get isGreetingDue(): boolean {
    return this.#core.phase === "greeting";
  }

  /** Behind a handshake that came first: says the greeting, unless the client has not waited for it. */
  greet(): void {
    const core = this.#core;
    if (core.phase !== "greeting") return;
    // A handshake does not make an early talker speak SMTP with us.
    if (core.isAheadOfHello) core.outOfSync(true);
    else this.#sayGreeting();
  }

  /**
   * The answer to `xclient`: the session begins again with that client, from the question `connect` on (Postfix's
   * XCLIENT_README). What it may do has to be found out anew.
   *
   * @param client What it had said in its greeting, if anything, and whether it has shown who it is.
   */
  restart(clientAddress: string, { helo = "", isExtended = false, isAuthenticated = false }: RestartOptions): void {
    const core = this.#core;
    this.#leave("xclient asked");
    core.standing = UNKNOWN_CLIENT;
    core.clientAddress = clientAddress;
    core.helo = helo;
    core.hasGreeted = helo !== "";
    core.isExtended = helo !== "" && isExtended;
    core.offers = undefined;
    core.isAuthenticated = isAuthenticated;
    core.sameRefusal = undefined;
    core.limits.noteRestart();
    core.phase = "connect";
  }

  /** A required PROXY header has not come, or was wrong: as in Exim, every command but QUIT is refused. */
  lackProxyHeader(): void {
    this.#core.refusesCommands = true;
  }

  /** Ends the session when no transaction runs: at once, or after the reply to the one that runs (RFC 5321 §3.8). */
  shutDown(answer: Reply): void {
    this.#shutdown = answer;
  }

  /** @throws {Error} this is no answer to what was asked. */
  #leave(phase: SessionCore["phase"]): void {
    const core = this.#core;
    if (core.phase !== phase) throw new Error(`answered as if "${phase}" while "${core.phase}"`);
    core.phase = "command";
  }
}

/** As Exim says it, in its own words or those of the ACL. */
function withPrdr({ lines, ...answer }: Reply): Reply {
  const [first, ...rest] = [...lines.slice(0, -1), `${lines.at(-1) ?? ""}, PRDR Requested`];
  return { ...answer, lines: [first ?? "", ...rest] };
}
