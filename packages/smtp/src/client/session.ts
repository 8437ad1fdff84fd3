// One file because it is one state machine: each reply decides what is said next.
import { type Capabilities, noCapabilities, parseCapabilities } from "./capabilities.ts";
import type { ClientSessionOptions } from "./client-session-options.ts";
import { Dialogue } from "./dialogue.ts";
import type { DialogueTerms } from "./dialogue-terms.ts";
import { errnos, type Loss, lossTrouble, malformedTrouble, replyText, type Trouble } from "./error-text.ts";
import { type PeerReply, ReplyParser } from "./reply-parser.ts";
import type { SessionFailure, Step, Transaction } from "./transaction.ts";

/** First lines of what the peer says are kept so far, for reports. */
const MAX_KEPT = 128;
/** Exim's `size_addition`: what a transport may add to the content on its way. */
const SIZE_ADDITION = 1024;

type State =
  | "greeting"
  | "ehlo"
  | "helo"
  | "starttls"
  | "handshake"
  | "auth"
  | "ready"
  | "transaction"
  | "quit"
  | "closed";

const NOTHING: readonly Step[] = [];
const READY: readonly Step[] = [{ do: "ready" }];
const START_TLS: readonly Step[] = [{ do: "start TLS" }];
const CLOSE: readonly Step[] = [{ do: "close" }];

/**
 * The client's side of one SMTP connection (RFC 5321), without the connection: octets in, steps to be taken out.
 *
 * greeting → EHLO (or HELO) → STARTTLS → EHLO → AUTH → any number of transactions → QUIT. The owner does the steps in their
 * order, and says when time is up or the connection is lost.
 */
export class ClientSession {
  readonly #options: ClientSessionOptions;
  readonly #replies = new ReplyParser();
  #state: State;
  #capabilities = noCapabilities;
  #terms: DialogueTerms | undefined;
  #isTls: boolean;
  #isEsmtp = false;
  #dialogue: Dialogue | undefined;
  /** Its commands are sent already, behind the end of data of the one before. */
  #follower: Dialogue | undefined;
  #needsReset = false;
  #ehloReply = "";
  #greeting = "";
  #heloReply = "";
  /** The last line of the authentication, without what nobody should read. */
  #authLine = "";
  #replyCount = 0;
  #steps = "";

  constructor(options: ClientSessionOptions) {
    this.#options = options;
    this.#isTls = false;
    this.#state = options.startsWithTls ? "handshake" : "greeting";
    if (options.startsWithTls) this.#steps = "s";
  }

  get capabilities(): Capabilities {
    return this.#capabilities;
  }

  /** First lines of the greeting and of the reply to EHLO or its like, cut at 128 octets. */
  get firstWords(): { readonly greeting?: string; readonly heloReply?: string } {
    return {
      ...(this.#greeting === "" ? {} : { greeting: this.#greeting }),
      ...(this.#heloReply === "" ? {} : { heloReply: this.#heloReply }),
    };
  }

  /** How the session came about, a letter for each step (`PS=` of Exim's log): EHLO, HELO, LHLO, STARTTLS or TLS before all, AUTH. */
  get steps(): string {
    return this.#steps;
  }

  /** What of the protocol messages make use of; known when the session is ready. */
  get uses(): Pick<DialogueTerms, "pipelines" | "chunks"> {
    return this.#dialogueTerms();
  }

  /** Replies so far; grows when the peer has completed one. */
  get replyCount(): number {
    return this.#replyCount;
  }

  /** Whether `begin` may be called. */
  get isReady(): boolean {
    return this.#state === "ready";
  }

  /** Whether it has come to its end: nothing more can be done with it. */
  get isOver(): boolean {
    return this.#state === "closed";
  }

  /** What the peer is waited for, for the choice of the timeout. */
  get awaits(): "reply" | "content's reception" | "final reply" | "nothing" {
    if (this.#state === "ready" || this.#state === "closed") return "nothing";
    if (this.#dialogue?.isContentDue) return "content's reception";
    if (this.#dialogue?.isFinalDue) return "final reply";
    return "reply";
  }

  /** Octets from the peer. They may be reused when this returns. */
  receive(octets: Buffer): readonly Step[] {
    this.#replies.push(octets);
    let steps = NOTHING;
    while (this.#state !== "closed") {
      const parsed = this.#replies.next();
      if (parsed.kind === "incomplete") break;
      this.#replyCount++;
      const more = parsed.kind === "reply" ? this.#reply(parsed.reply) : this.#malformed(parsed.text);
      steps = steps.length === 0 ? more : [...steps, ...more];
    }
    return steps;
  }

  /** The handshake is done. What was known about the peer came in clear text and is forgotten (RFC 3207 §4.2). */
  tlsStarted(): readonly Step[] {
    this.#isTls = true;
    this.#capabilities = noCapabilities;
    if (!this.#options.startsWithTls) return this.#hello("ehlo");
    this.#state = "greeting";
    return NOTHING;
  }

  /** @param reason The TLS library's words. @param isLoss The connection broke: the peer may do better next time. */
  tlsFailed(reason: string, isLoss = false): readonly Step[] {
    const kind = { isTls: true, ...(isLoss ? {} : { lacks: "TLS" as const }) };
    return this.#fail({ errno: errnos.tls, text: `TLS session: ${reason}` }, kind);
  }

  /** Offers a message. Addresses with control characters are the caller's to keep away (`isSafeAddress`). */
  begin(transaction: Transaction): readonly Step[] {
    if (this.#state !== "ready") throw new Error(`SMTP client: a transaction in state ${this.#state}`);
    this.#state = "transaction";
    this.#dialogue = new Dialogue(transaction, this.#dialogueTerms(), this.#needsReset ? "reset" : "fresh");
    return this.#afterDialogue(this.#dialogue.start());
  }

  /**
   * Offers a message behind the end of data of the one before, while the reply to that is waited for (RFC 2920 §3.1).
   * Should the connection end with that reply, or without it, this one was not answered.
   *
   * @returns undefined if that cannot be done now; `begin` does it when the one before has finished.
   */
  follow(transaction: Transaction): readonly Step[] | undefined {
    if (!this.mayBeFollowed || this.#dialogue?.isOneFinalDue !== true) return undefined;
    const follower = new Dialogue(transaction, this.#dialogueTerms(), "behind");
    if (follower.isHopeless) return undefined;
    this.#follower = follower;
    return follower.start();
  }

  /** Whether `follow` may be called when the content has been sent. With BDAT nothing shows that replies are in step. */
  get mayBeFollowed(): boolean {
    const terms = this.#dialogueTerms();
    return terms.pipelines && !terms.chunks && !terms.isLmtp && this.#follower === undefined;
  }

  /** The command before a piece of the content, where it goes in chunks. */
  chunk(octets: number, isLast: boolean): string {
    return this.#dialogue?.chunk(octets, isLast) ?? "";
  }

  /** A line of the authentication. @param shown As error texts name it: without secrets. */
  authSend(line: string, shown: string): readonly Step[] {
    if (this.#state !== "auth") return NOTHING;
    this.#authLine = shown;
    return [{ do: "write", octets: `${line}\r\n` }];
  }

  /** @param problem Why there is no authentication, if there is none: it is an error where one is required. */
  authDone(problem?: string): readonly Step[] {
    if (this.#state !== "auth") return NOTHING;
    if (problem !== undefined && this.#options.auth === "require") {
      return this.#quitting(this.#fail({ errno: errnos.auth, text: `authentication required but ${problem}` }));
    }
    this.#state = "ready";
    return READY;
  }

  /** A reply says that nothing goes on here for now. */
  authRefused(reply: PeerReply): readonly Step[] {
    return this.#quitting(this.#refused({ ...reply, code: Math.min(reply.code, 499) }));
  }

  /** What we would say cannot be found out. */
  authFailed(trouble: Trouble): readonly Step[] {
    return this.#quitting(this.#fail(trouble));
  }

  /** The content's last octet has been given to the connection. @param octets All of it, for the log. */
  contentSent(octets: number): void {
    this.#dialogue?.contentSent(octets);
  }

  /** The connection was closed, has failed, or the peer did not answer in time. */
  lost(loss: Loss): readonly Step[] {
    if (this.#dialogue !== undefined) return this.#afterDialogue(this.#dialogue.lost(loss), loss);
    if (this.#state === "ready" || this.#state === "quit") return this.#close();
    if (this.#state === "closed") return NOTHING;
    const trouble = lossTrouble(loss, this.#commandInQuestion(), this.#options.host);
    const ehlo = this.#state === "helo" && loss.kind === "closed" ? ` (EHLO response was: ${this.#ehloReply})` : "";
    return this.#fail({ ...trouble, text: trouble.text + ehlo });
  }

  /** Takes leave; then the peer closes. */
  quit(): readonly Step[] {
    if (this.#state !== "ready") return this.#close();
    this.#state = "quit";
    return [{ do: "write", octets: "QUIT\r\n" }];
  }

  #reply(reply: PeerReply): readonly Step[] {
    switch (this.#state) {
      case "greeting":
        this.#greeting = firstLine(reply);
        if (reply.code >= 300) return this.#refused(reply);
        return this.#hello(this.#options.avoidsEsmtp && !this.#options.isLmtp ? "helo" : "ehlo");
      case "ehlo":
        return this.#ehloAnswer(reply);
      case "helo":
        this.#heloReply = firstLine(reply);
        if (reply.code >= 300) return this.#refused(reply);
        return this.#greeted();
      case "starttls":
        return this.#startTlsAnswer(reply);
      case "auth":
        return [{ do: "auth reply", reply }];
      case "transaction":
        return this.#dialogue === undefined ? NOTHING : this.#afterDialogue(this.#dialogue.reply(reply));
      // Nobody asked: a 421 before the peer closes an idle connection, or words injected before the TLS handshake.
      case "handshake":
        return this.#injected();
      case "ready":
      case "quit":
        return this.#close();
      case "closed":
        return NOTHING;
    }
  }

  #ehloAnswer(reply: PeerReply): readonly Step[] {
    this.#heloReply = firstLine(reply);
    if (reply.code === 421 || (reply.code >= 300 && this.#options.isLmtp)) return this.#refused(reply);
    if (reply.code >= 300) {
      this.#ehloReply = reply.text;
      return this.#hello("helo");
    }
    this.#isEsmtp = true;
    this.#capabilities = parseCapabilities(reply);
    if (!this.#isTls && this.#options.tls !== "never" && this.#capabilities.startTls) {
      this.#state = "starttls";
      this.#steps += "s";
      return [{ do: "write", octets: "STARTTLS\r\n" }];
    }
    return this.#greeted();
  }

  #startTlsAnswer(reply: PeerReply): readonly Step[] {
    const isForNow = reply.code >= 300 && reply.code < 500;
    if (isForNow && this.#options.waitsForTls && this.#options.tls === "offered") {
      return this.#quitting(this.#refused(reply));
    }
    if (reply.code >= 300) return this.#greeted("an attempt to start TLS failed", isForNow);
    if (this.#replies.hasRest) return this.#injected();
    this.#state = "handshake";
    return START_TLS;
  }

  /** Octets in clear text behind the reply to STARTTLS would be taken for the protected peer's (CVE-2021-38371). */
  #injected(): readonly Step[] {
    return this.tlsFailed("synch error before connect");
  }

  #greeted(whyClear = "the server did not offer TLS support", isForNow = false): readonly Step[] {
    if (this.#options.tls === "required" && !this.#isTls) {
      const text = `a TLS session is required, but ${whyClear}`;
      const kind = { isTls: true, ...(isForNow ? {} : { lacks: "TLS" as const }) };
      return this.#fail({ errno: errnos.tlsRequired, text }, kind);
    }
    if (this.#options.requiresRequireTls === true && !this.#capabilities.requireTls) {
      const text = "REQUIRETLS support is required from the server but it was not offered";
      return this.#quitting(this.#fail({ errno: errnos.requireTls, text }, { lacks: "REQUIRETLS" }));
    }
    return this.#authenticate();
  }

  #authenticate(): readonly Step[] {
    this.#terms = undefined;
    this.#state = "auth";
    const { auth } = this.#options;
    if (auth === undefined || !this.#isEsmtp) {
      return this.authDone(auth === undefined ? undefined : "server did not advertise AUTH support");
    }
    const { auth: mechanisms } = this.#capabilities;
    if (mechanisms === undefined) return this.authDone("server did not advertise AUTH support");
    this.#steps += "a";
    return [{ do: "authenticate", mechanisms }];
  }

  #dialogueTerms(): DialogueTerms {
    if (this.#terms !== undefined) return this.#terms;
    const { host, isLmtp = false, sizeAddition = SIZE_ADDITION, ...wants } = this.#options;
    const capabilities = this.#capabilities;
    this.#terms = {
      capabilities,
      host,
      isLmtp,
      pipelines: capabilities.pipelining && wants.avoidsPipelining !== true,
      chunks: capabilities.chunking && wants.triesChunking === true,
      asksForPrdr: capabilities.prdr && wants.triesPrdr === true && !isLmtp,
      sizeAddition,
      ignoresQuota: capabilities.ignoreQuota && wants.ignoresQuota === true,
    };
    return this.#terms;
  }

  /** Nothing more is wanted of a peer that has done nothing wrong. */
  #quitting(steps: readonly Step[]): readonly Step[] {
    return [{ do: "write", octets: "QUIT\r\n" }, ...steps];
  }

  #hello(word: "ehlo" | "helo"): readonly Step[] {
    this.#state = word;
    this.#steps += word === "helo" ? "h" : this.#options.isLmtp ? "l" : "e";
    return [{ do: "write", octets: `${this.#commandInQuestion()}\r\n` }];
  }

  #afterDialogue(steps: readonly Step[], loss: Loss = { kind: "closed" }): readonly Step[] {
    const dialogue = this.#dialogue;
    if (dialogue === undefined || !steps.some((step) => step.do === "finish")) return steps;
    const follower = this.#follower;
    this.#follower = undefined;
    if (follower !== undefined && dialogue.isUsable) {
      this.#dialogue = follower;
      return steps;
    }
    this.#needsReset = dialogue.needsReset;
    this.#state = dialogue.isUsable ? "ready" : "closed";
    this.#dialogue = undefined;
    return follower === undefined ? steps : [...steps, ...follower.lost(loss)];
  }

  #malformed(said: string): readonly Step[] {
    if (this.#dialogue !== undefined) return this.#afterDialogue(this.#dialogue.malformed(said));
    if (this.#state === "handshake") return this.#injected();
    if (this.#state === "ready" || this.#state === "quit") return this.#close();
    return this.#fail(malformedTrouble(said, this.#commandInQuestion()));
  }

  #refused(reply: PeerReply): readonly Step[] {
    const text = replyText(this.#commandInQuestion(), reply.text);
    const trouble = { errno: errnos.none, text, replyCode: reply.code };
    return this.#fail(trouble, { isPermanent: reply.code >= 500 });
  }

  #fail(trouble: Trouble, kind: Partial<SessionFailure> = {}): readonly Step[] {
    this.#state = "closed";
    return [{ do: "fail", failure: { isPermanent: false, isTls: false, ...kind, ...trouble } }];
  }

  #close(): readonly Step[] {
    this.#state = "closed";
    return CLOSE;
  }

  #commandInQuestion(): string {
    switch (this.#state) {
      case "ehlo":
        return `${this.#options.isLmtp ? "LHLO" : "EHLO"} ${this.#options.heloName}`;
      case "helo":
        return `HELO ${this.#options.heloName}`;
      case "starttls":
      case "handshake":
        return "STARTTLS";
      case "auth":
        return this.#authLine;
      default:
        return "initial connection";
    }
  }
}

function firstLine({ text }: PeerReply): string {
  const end = text.indexOf("\n");
  return text.slice(0, end === -1 ? MAX_KEPT : Math.min(end, MAX_KEPT));
}

/** Whether an address can stand in a command: with a CR or LF it would write commands of its own. */
export function isSafeAddress(address: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
  return !/[\x00-\x1f\x7f]/.test(address);
}
