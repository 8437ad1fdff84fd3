import type { SessionProfile } from "./session-profile.ts";

type Limits = Pick<SessionProfile, "maxNonmail" | "maxSyntaxErrors" | "maxUnknownCommands">;

/**
 * Commands of any kind but RCPT since the last message that was taken: MAIL and RSET in turn are a flood like any other.
 * More than any client needs whose messages are all refused; it may come again.
 */
const MAX_COMMANDS_WITHOUT_MESSAGE = 1_000;
/** Commands of a session that may do nothing but QUIT. */
const MAX_REFUSED_COMMANDS = 10;

/** Commands that are no mail. STARTTLS that is not offered, and unknown ones, are counted as errors. */
const COUNTED: ReadonlySet<string> = new Set(["NOOP", "VRFY", "EXPN", "ETRN", "HELP"]);
/** The first of them between two messages is part of mail. */
const FREE_ONCE: ReadonlySet<string> = new Set(["HELO", "EHLO", "RSET", "AUTH"]);

/** Counts what one session may do only so often. The methods that are no notes count and say whether it is too much. */
export class CommandLimits {
  readonly #limits: Limits;
  #syntaxErrors = 0;
  #unknownCommands = 0;
  #nonmailCommands = 0;
  /** Of `FREE_ONCE`, those that have come since the last message or handshake. Undefined: none. */
  #usedOnce: Set<string> | undefined;
  #commandsWithoutMessage = 0;
  #mailCommands = 0;
  #refusedCommands = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Content is about to come. */
  noteContent(): void {
    this.#usedOnce?.delete("HELO");
    this.#usedOnce?.delete("RSET");
  }

  /** A message was taken. */
  noteMessage(): void {
    this.#commandsWithoutMessage = 0;
  }

  /** All begins again: a handshake, another client. */
  noteRestart(): void {
    this.#usedOnce = undefined;
  }

  commandWithoutMessage(): boolean {
    return ++this.#commandsWithoutMessage > MAX_COMMANDS_WITHOUT_MESSAGE;
  }

  /** As in Exim, every MAIL counts. */
  noteMail(): void {
    this.#mailCommands += 1;
  }

  /** MAIL has come. */
  get hasMail(): boolean {
    return this.#mailCommands > 0;
  }

  /** @param mailMax So many may come; 0: any number. */
  hasTooManyMails(mailMax: number): boolean {
    return mailMax > 0 && this.#mailCommands > mailMax;
  }

  refusedCommand(): boolean {
    return ++this.#refusedCommands > MAX_REFUSED_COMMANDS;
  }

  syntaxError(): boolean {
    return ++this.#syntaxErrors > this.#limits.maxSyntaxErrors;
  }

  unknownCommand(): boolean {
    return ++this.#unknownCommands > this.#limits.maxUnknownCommands;
  }

  /** @param isLimited This client has a limit for what is not mail. */
  nonmail(verb: string, isLimited: boolean): boolean {
    if (!this.#isNonmail(verb)) return false;
    return ++this.#nonmailCommands > this.#limits.maxNonmail && isLimited;
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
}
