import type { Reply } from "@postbus/mail";
import type { BdatCommand } from "./chunk-reader.ts";
import { type ClientStanding, UNKNOWN_CLIENT } from "./client-standing.ts";
import { CommandHistory } from "./command-history.ts";
import { CommandLimits } from "./command-limits.ts";
import type { ExtensionOffers } from "./extension-offers.ts";
import type { LineObserver } from "./line-observer.ts";
import type { MessageReading } from "./message-reading.ts";
import type { PathRules, Unqualified } from "./path-command.ts";
import * as replies from "./replies.ts";
import { SessionInput } from "./session-input.ts";
import type { SessionProfile } from "./session-profile.ts";
import type { SessionQuestion, SessionStep } from "./session-step.ts";

export type SessionPhase =
  /** Before the greeting. */
  | "connect"
  /** The same, behind a handshake that came first: what the client may have said ahead is being read. */
  | "greeting"
  | "command"
  | "content"
  /** In a chunk that nobody wants. */
  | "skip"
  /** A step that wants an answer is out. */
  | "connect asked"
  | "helo asked"
  | "path asked"
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

/** State that only a transaction needs; most connections have none at most times. */
interface Transaction {
  /** Of RFC 6531. */
  readonly isUtf8: boolean;
  /** Each recipient is to have an answer of its own. */
  readonly isPrdr: boolean;
  rcptCommands: number;
  recipients: number;
}

/** What stands behind MAIL or RCPT, and what is done with it when it is known how it reads. */
interface PathAsked {
  readonly parameters: string;
  answer: string | undefined;
  readonly read: (core: SessionCore, argument: string) => SessionStep | undefined;
}

/** A chunk that is thrown away. */
interface Skipped {
  left: number;
  /** What is said then: RFC 3030 §2 wants no reply before the chunk's end. */
  readonly answer: () => void;
}

/**
 * What all parts of a server's session share: the state of the protocol, what came in and what goes out, and the ways to
 * say something. Only the parts of a session know it: `ServerSession` outside, a file in `commands/` for each command.
 */
export class SessionCore {
  profile: SessionProfile;
  clientAddress: string;
  /** Of the client, as far as the owner knows. */
  standing: ClientStanding = UNKNOWN_CLIENT;
  readonly input = new SessionInput();
  readonly limits: CommandLimits;
  readonly history = new CommandHistory();
  observer: LineObserver | undefined;
  phase: SessionPhase = "connect";
  output = "";
  /** Empty before HELO or EHLO. */
  helo = "";
  /** HELO or EHLO has been taken; some may come without a name (`mayGreetWithJunk`). */
  hasGreeted = false;
  /** The last command. */
  line = "";
  isExtended = false;
  /** Name and kind of the greeting that was in force when the one came that is asked about. */
  greeted: readonly [helo: string, isExtended: boolean, hasGreeted: boolean] = ["", false, false];
  /** What the last reply to EHLO has offered. */
  offers: ExtensionOffers | undefined;
  isTls = false;
  isAuthenticated = false;
  transaction: Transaction | undefined;
  /** Of the MAIL that is asked about. */
  mail: Pick<Transaction, "isUtf8" | "isPrdr"> = { isUtf8: false, isPrdr: false };
  /** The argument of MAIL or RCPT that the owner is asked about, or has answered about: then it is read. */
  path: PathAsked | undefined;
  /** Content that comes, or has come and is being judged; with chunks, also between two of them. */
  reading: MessageReading | undefined;
  /** That which the question is about whether content may come. */
  announced: BdatCommand | undefined;
  skipped: Skipped | undefined;
  /** A command has come between two chunks that may not: nothing is in order before RSET (RFC 3030 §2). */
  isOutOfOrder = false;
  /** A message was refused in a chunk, and nothing but BDAT has come since. */
  isChunkRefused = false;
  /** The last command was RCPT: DATA behind it may have been sent without waiting for the answer. */
  isLastRcpt = false;
  /** The last MAIL was refused, and nothing but RCPT has come since. */
  isMailRefused = false;
  /** A PROXY header is missing: the client may do nothing but QUIT. */
  refusesCommands = false;
  /** The lines that all RCPT commands since the last MAIL, RSET or greeting were refused with; empty: not the same ones. */
  sameRefusal: readonly string[] | undefined;
  /** For the log, and not told yet. */
  refused: Extract<SessionStep, { kind: "refused" | "error" }> | undefined;
  hasQuit = false;
  /** Commands were sent before the replies to others, as EHLO's reply allows. */
  hasPipelined = false;

  constructor(profile: SessionProfile, clientAddress: string) {
    this.profile = profile;
    this.clientAddress = clientAddress;
    this.limits = new CommandLimits(profile);
  }

  /** Whether the client has sent more than it may before it is answered. */
  get isAhead(): boolean {
    return this.input.length > 0 && (this.standing.enforcesSync ?? this.profile.enforcesSync);
  }

  /** The same, at the greeting and at the end of EHLO. */
  get isAheadOfHello(): boolean {
    return this.isAhead && !this.standing.maySpeakFirst;
  }

  /** The same, as soon as there has been a MAIL: before it, Exim is not as strict in its usual configuration. */
  get isAheadInTransaction(): boolean {
    return this.limits.hasMail && this.isAhead;
  }

  /** Whether the client has been told that it need not wait for replies (RFC 2920). */
  get mayPipeline(): boolean {
    return this.isExtended && this.offers?.pipelining === true;
  }

  get offersTls(): boolean {
    return this.profile.offersTls && this.standing.isTlsOffered && !this.isTls;
  }

  asks(question: SessionQuestion): boolean {
    return this.profile.asks.has(question);
  }

  ask(step: SessionStep, phase: SessionPhase): SessionStep {
    this.phase = phase;
    return step;
  }

  pathRules(mayOmitDomain: boolean, allowsUtf8: boolean): PathRules {
    return {
      isExtended: this.isExtended,
      acceptsLiterals: this.profile.acceptsLiterals,
      mayOmitDomain,
      offersDsn: this.offers?.dsn === true,
      offersPrdr: this.offers?.prdr === true,
      offersEightBitMime: this.profile.offersEightBitMime,
      offersRequireTls: this.offers?.requireTls === true,
      offersAuth: this.isAuthenticated || this.standing.mechanisms !== "",
      allowsUtf8,
      stripsTrailingDot: this.profile.stripsTrailingDot,
      stripsExcessBrackets: this.profile.stripsExcessBrackets,
    };
  }

  /** MAIL may not come before HELO or EHLO. */
  get lacksHello(): boolean {
    // Extended without a name: a greeting before the handshake counts (`remembersExtended`).
    return !this.hasGreeted && !this.isExtended && !this.standing.mayOmitHello;
  }

  /** Nothing is left of a transaction that has been named. */
  forgetTransaction(): void {
    this.transaction = undefined;
    this.sameRefusal = undefined;
    this.reading = undefined;
  }

  noteRefusedRecipient(lines: readonly string[]): void {
    const same = this.sameRefusal;
    this.sameRefusal = same === undefined || same.join("\n") === lines.join("\n") ? lines : [];
  }

  /** Our own words. */
  say(answer: Reply): void {
    this.output += this.profile.format.own(answer);
  }

  /** Somebody else's words. */
  answer(answer: Reply, isLast: boolean): void {
    const octets = this.profile.format.given(answer);
    if (isLast) this.end(octets);
    else this.output += octets;
  }

  /** Not counted among the errors, as in Exim: the syntax is good. */
  unqualified({ reply: answer }: Unqualified): undefined {
    // RCPT is not counted else.
    if (this.limits.commandWithoutMessage()) return this.close(replies.tooManyCommands);
    this.say(answer);
    this.refused = { kind: "refused", stage: "session", reply: answer, command: this.line };
  }

  unknownCommand(): undefined {
    // As in Exim: who may send without waiting may send commands that exist.
    if (this.isAheadInTransaction) return this.outOfSync();
    if (this.limits.unknownCommand()) return this.close(replies.tooManyUnknownCommands);
    // Counted among the syntax errors as well, as in Exim.
    return this.protocolError(replies.unrecognizedCommand);
  }

  /** Wrong syntax (500, 501, 553, 555) or a wrong place (503): answered, counted, and too much of it ends the session. @param isAlwaysTold The log has it whether or not `errors` are asked about. */
  protocolError(answer: Reply, isAlwaysTold = false): undefined {
    if (!this.limits.syntaxError()) {
      this.say(answer);
      if (isAlwaysTold) this.refused = { kind: "refused", stage: "session", reply: answer, command: this.line };
      else if (this.asks("errors")) this.refused = { kind: "error", reply: answer, command: withoutSecrets(this.line) };
      return undefined;
    }
    const [first, ...rest] = [...answer.lines, "Too many syntax or protocol errors"];
    return this.close({ ...answer, lines: [first ?? "", ...rest] });
  }

  /** Sending on without waiting for the reply is a right that EHLO's reply gives (RFC 2920). */
  maySendMore(): boolean {
    if (this.mayPipeline || !this.isAhead) return true;
    this.outOfSync();
    return false;
  }

  mustNotBePipelined(): undefined {
    this.maySendMore();
    return undefined;
  }

  /** Ends the session because of what the client did; that goes into the log. */
  close(answer: Reply, command = this.line): undefined {
    this.end(this.profile.format.own(answer));
    this.refused = { kind: "refused", stage: "session", reply: answer, command: withoutSecrets(command) };
  }

  /** Ends the session because the client has not waited for the reply to a command, or for the greeting. */
  outOfSync(isBeforeGreeting = false): undefined {
    const { input, mayPipeline } = this;
    const early = { text: input.beginning(MAX_EARLY_OCTETS), octets: input.length, isBeforeGreeting, mayPipeline };
    const command = withoutSecrets(this.line);
    this.end(this.profile.format.own(replies.synchronizationError));
    this.refused = { kind: "refused", stage: "session", reply: replies.synchronizationError, command, early };
  }

  end(lastReply: string): void {
    this.output += lastReply;
    this.transaction = undefined;
    this.reading = undefined;
    this.input.clear();
    this.phase = "closing";
  }
}

/** Of what came too early, for the log. */
const MAX_EARLY_OCTETS = 150;

/** Behind the mechanism of an AUTH command comes what may be a password. */
const withoutSecrets = (command: string): string => command.replace(/^(AUTH[ \t]+[^ \t\r]+)[\s\S]*$/i, "$1");
