import { asciiTransaction } from "./ascii-transaction.ts";
import type { DialogueTerms } from "./dialogue-terms.ts";
import { errnos, type Loss, lossTrouble, malformedTrouble, replyText, type Trouble } from "./error-text.ts";
import { ended, type FinalMode, FinalReplies } from "./final-replies.ts";
import { isAscii, mailCommand } from "./mail-command.ts";
import { recipientArguments } from "./notification-arguments.ts";
import type { PeerReply } from "./reply-parser.ts";
import type { RecipientResult, Step, Transaction, TransactionResult, TroubleKind } from "./transaction.ts";

/** Commands without an answer at one time: as many as Exim; RFC 2920 §3.1 leaves the bound to us. */
const MAX_IN_FLIGHT = 100;
const NOTHING: readonly Step[] = [];
const SEND_CONTENT: readonly Step[] = [{ do: "send content", inChunks: false }];
const SEND_CHUNKS: readonly Step[] = [{ do: "send content", inChunks: true }];
const LONE_DOT: readonly Step[] = [{ do: "write", octets: ".\r\n" }];

/** Every way to the end gives each recipient its own; should one be forgotten, it waits and is not lost. */
const NO_ANSWER: RecipientResult = { outcome: "deferred", errno: errnos.closed, text: "no final answer" };

const needsUtf8 = ({ smtpUtf8 = false, returnPath, recipients }: Transaction): boolean =>
  smtpUtf8 || !isAscii(returnPath) || !recipients.every(isAscii);

/** Position of a command in the dialogue: RSET, MAIL, one RCPT per recipient, DATA, end of data. */
const RSET = -2;
const MAIL = -1;

/**
 * One transaction with its replies (RFC 5321 §3.3, RFC 2920): knows which command the next reply belongs to, and
 * gives each recipient its end.
 */
export class Dialogue {
  readonly #transaction: Transaction;
  readonly #terms: DialogueTerms;
  readonly #mailCommand: string;
  readonly #lacksUtf8: boolean;
  readonly #maxInFlight: number;
  readonly #isBehind: boolean;
  readonly #finalMode: FinalMode;
  readonly #ends: (RecipientResult | undefined)[];
  /** Recipients are commands 0 to n-1, DATA is n, the end of data n+1. With BDAT, there is no n. */
  readonly #data: number;
  readonly #lastCommand: number;
  #nextCommand: number;
  #awaited: number;
  #state: "envelope" | "content" | "final" | "lone dot" | "finished" = "envelope";
  #mailAnswered = false;
  #acceptedCount = 0;
  /** A recipient got 2yz or 5yz: only then 452 means "enough for this transaction". */
  #decidedCount = 0;
  #octetsWritten = 0;
  /** Chunks that have no reply, and the command of the last one. */
  #chunksAwaited = 0;
  #chunkCommand = "";
  #finals: FinalReplies | undefined;
  #trouble: TransactionResult["trouble"];
  #isUnanswered = false;
  #needsReset = false;
  #isUsable = true;

  /**
   * @param start How it begins: `reset`, the transaction before was left halfway; `behind`, its commands are sent behind
   * the end of data of that one, whose reply is not there yet.
   */
  constructor(given: Transaction, terms: DialogueTerms, start: "reset" | "fresh" | "behind") {
    const { capabilities, isLmtp, pipelines, chunks, asksForPrdr } = terms;
    const { utf8Downconvert = 0 } = given;
    const wantsAscii = utf8Downconvert === 1 || (utf8Downconvert === -1 && !capabilities.smtpUtf8);
    const transaction = wantsAscii && needsUtf8(given) ? (asciiTransaction(given) ?? given) : given;
    this.#transaction = transaction;
    this.#terms = terms;
    const isUtf8 = needsUtf8(transaction);
    const { recipients } = transaction;
    this.#lacksUtf8 = isUtf8 && !capabilities.smtpUtf8;
    const isPrdr = asksForPrdr && recipients.length > 1;
    this.#finalMode = isLmtp ? "each" : isPrdr ? "prdr" : "one";
    this.#mailCommand = mailCommand(transaction, terms, { isUtf8, isPrdr });
    this.#maxInFlight = pipelines ? MAX_IN_FLIGHT : 1;
    this.#data = transaction.recipients.length;
    this.#lastCommand = chunks ? this.#data - 1 : this.#data;
    this.#ends = new Array<RecipientResult | undefined>(this.#data).fill(undefined);
    this.#isBehind = start === "behind";
    this.#nextCommand = start === "reset" ? RSET : MAIL;
    this.#awaited = this.#nextCommand;
  }

  /** It ends without a command: the peer lacks what the message needs. */
  get isHopeless(): boolean {
    return this.#lacksUtf8;
  }

  get isContentDue(): boolean {
    return this.#state === "content";
  }

  get isFinalDue(): boolean {
    return this.#state === "final";
  }

  /** One reply is due, after which the peer reads the next command. */
  get isOneFinalDue(): boolean {
    return this.#state === "final" && this.#finalMode === "one" && this.#chunksAwaited === 0;
  }

  /** The next transaction must start with RSET. */
  get needsReset(): boolean {
    return this.#needsReset;
  }

  /** Whether the connection can carry another transaction. */
  get isUsable(): boolean {
    return this.#isUsable;
  }

  start(): readonly Step[] {
    if (!this.isHopeless) return this.#sendCommands();
    const text = "utf8 support required but not offered for forwarding";
    this.#trouble = { kind: "message", errno: errnos.smtpUtf8, text };
    // Another host may offer it; if this is the last one, the owner makes it final.
    this.#endOthers({ outcome: "deferred", errno: errnos.smtpUtf8, text });
    this.#needsReset = this.#nextCommand === RSET;
    return this.#finish();
  }

  /** The command before a piece of the content. */
  chunk(octets: number, isLast: boolean): string {
    this.#chunksAwaited++;
    this.#chunkCommand = `BDAT ${octets}${isLast ? " LAST" : ""}`;
    return `${this.#chunkCommand}\r\n`;
  }

  contentSent(octets: number): void {
    this.#octetsWritten = octets;
    if (this.#state === "content") this.#state = "final";
  }

  reply(reply: PeerReply): readonly Step[] {
    switch (this.#state) {
      case "envelope":
        return this.#envelopeReply(reply);
      case "content":
        return this.#chunksAwaited > 0 ? this.#chunkReply(reply) : this.#earlyReply(reply);
      case "final":
        return this.#chunksAwaited > 1 ? this.#chunkReply(reply) : this.#finalReply(reply);
      case "lone dot":
        // The peer's opinion about an empty message without recipients (RFC 2920 §3.1).
        return this.#finish();
      case "finished":
        return NOTHING;
    }
  }

  malformed(said: string): readonly Step[] {
    return this.#giveUp(malformedTrouble(said, this.#commandInQuestion()), "host");
  }

  lost(loss: Loss): readonly Step[] {
    const trouble = lossTrouble(loss, this.#commandInQuestion(loss), this.#terms.host, this.#octetsWritten);
    return this.#giveUp(trouble, this.#faultOf(loss));
  }

  /** Timeouts after MAIL, RCPT and the end of data, and a close after the latter, may be due to this very message. */
  #faultOf(loss: Loss): TroubleKind {
    if (this.#state === "final") return "message";
    if (loss.kind !== "timeout" || this.#state !== "envelope") return "host";
    if (this.#awaited === MAIL) return "message";
    return this.#isRecipient(this.#awaited) ? "recipient" : "host";
  }

  #envelopeReply(reply: PeerReply): readonly Step[] {
    const command = this.#awaited++;
    if (command === RSET) {
      if (reply.code >= 300) return this.#giveUp(refusal("RSET", reply), "host");
    } else if (command === MAIL) {
      if (this.#isBehind && reply.code >= 300) return this.#outOfStep();
      this.#mailReply(reply);
    } else if (command < this.#data) {
      if (this.#trouble === undefined) this.#recipientReply(command, reply);
    } else {
      return this.#dataReply(reply);
    }
    if (reply.code === 421) return this.#giveUpAfter421(reply, command);
    if (this.#awaited < this.#nextCommand) return NOTHING;
    return this.#sendCommands();
  }

  #mailReply(reply: PeerReply): void {
    this.#mailAnswered = true;
    this.#isUnanswered = reply.code === 421;
    if (reply.code < 300) return;
    const text = replyText(this.#named(MAIL), reply.text);
    this.#trouble = { kind: "message", errno: errnos.mail4xx, text, replyCode: reply.code };
    this.#endOthers(ended(reply, errnos.mail4xx, text));
  }

  #recipientReply(index: number, reply: PeerReply): void {
    if (reply.code < 300) {
      this.#acceptedCount++;
      this.#decidedCount++;
      return;
    }
    if (reply.code === 452 && this.#decidedCount > 0) {
      this.#ends[index] = { outcome: "postponed" };
      return;
    }
    if (reply.code >= 500) this.#decidedCount++;
    this.#ends[index] = ended(reply, errnos.rcpt4xx, replyText(this.#named(index), reply.text));
  }

  #dataReply(reply: PeerReply): readonly Step[] {
    if (reply.code === 354) {
      if (this.#acceptedCount > 0) {
        this.#state = "content";
        return SEND_CONTENT;
      }
      // The peer wants content for nobody. RFC 2920 §3.1: a lone dot. (Exim sends QUIT, which would be content.)
      this.#needsReset = true;
      this.#state = "lone dot";
      return LONE_DOT;
    }
    if (this.#isBehind && this.#acceptedCount > 0) return this.#outOfStep();
    this.#needsReset = true;
    if (this.#acceptedCount === 0) return this.#finish();
    if (reply.code < 400) {
      // A 2xx to DATA is no acceptance: no content was sent. The peer is out of step, and so is the connection.
      this.#isUsable = false;
      return this.#giveUp(malformedTrouble(reply.text, this.#named(this.#data)), "host");
    }
    return this.#refused(reply, this.#named(this.#data));
  }

  /**
   * One reply too many to the message before, and each reply here belongs to the command before that which it is taken
   * for. 354 shows that it is not so, for nothing but DATA gets it; where it does not come, a refusal may be another's.
   */
  #outOfStep(): readonly Step[] {
    this.#ends.fill(undefined);
    this.#mailAnswered = false;
    return this.#giveUp({ errno: errnos.closed, text: "replies may be out of step" }, "host");
  }

  /** Nothing was asked yet: only a refusal makes sense, and then the rest of the content has no one to take it. */
  #earlyReply(reply: PeerReply): readonly Step[] {
    this.#isUsable = false;
    if (reply.code < 400) return this.#giveUp(malformedTrouble(reply.text, "sending data block"), "host");
    return this.#refused(reply, "sending data block");
  }

  /** To a piece that is not the last one. */
  #chunkReply(reply: PeerReply): readonly Step[] {
    if (reply.code < 300) {
      this.#chunksAwaited--;
      return NOTHING;
    }
    // Whatever else is under way to the peer, it does not want it (RFC 3030 §2).
    this.#isUsable = false;
    return this.#refused(reply, this.#chunkCommand);
  }

  #finalReply(reply: PeerReply): readonly Step[] {
    if (reply.code === 421) this.#isUsable = false;
    const isChunked = this.#chunksAwaited > 0;
    this.#finals ??= new FinalReplies(this.#finalMode, this.#ends, {
      end: this.#endOfData(),
      data: isChunked ? this.#chunkCommand : "DATA",
    });
    const { isLast, trouble } = this.#finals.take(reply);
    if (!isLast) return NOTHING;
    if (trouble !== undefined) {
      this.#trouble = { kind: "message", ...trouble };
      // RFC 3030 §2: behind a chunk that was refused, nothing but RSET is understood.
      this.#needsReset = isChunked;
    }
    return this.#finish();
  }

  /** The message as a whole is not taken. */
  #refused(reply: PeerReply, command: string): readonly Step[] {
    if (reply.code === 421) this.#isUsable = false;
    const text = replyText(command, reply.text);
    this.#trouble = { kind: "message", errno: errnos.data4xx, text, replyCode: reply.code };
    this.#endOthers(ended(reply, errnos.data4xx, text));
    return this.#finish();
  }

  /** The peer closes (RFC 5321 §3.8): it will not answer what is still in flight. */
  #giveUpAfter421(reply: PeerReply, command: number): readonly Step[] {
    const trouble = this.#trouble ?? refusal(this.#named(command), reply);
    return this.#giveUp(trouble, this.#trouble?.kind ?? "host");
  }

  /** The connection is of no use any more. Who has been refused for good has been refused; the others wait. */
  #giveUp(trouble: Trouble, kind: TroubleKind): readonly Step[] {
    this.#isUsable = false;
    if (!this.#mailAnswered) this.#isUnanswered = true;
    if (this.#isAnyoneWaiting()) {
      this.#trouble ??= { kind, ...trouble };
      this.#endOthers({ outcome: "deferred", ...trouble });
    }
    return this.#finish();
  }

  #isAnyoneWaiting(): boolean {
    return this.#ends.includes(undefined);
  }

  #endOthers(result: RecipientResult): void {
    for (let i = 0; i < this.#ends.length; i++) this.#ends[i] ??= result;
  }

  #finish(): readonly Step[] {
    this.#state = "finished";
    const recipients = this.#ends.map((end): RecipientResult => end ?? NO_ANSWER);
    const result: TransactionResult = {
      recipients,
      isUnanswered: this.#isUnanswered,
      ...(this.#finals?.isPrdr ? { isPrdr: true } : {}),
      ...(this.#trouble === undefined ? {} : { trouble: this.#trouble }),
    };
    return [{ do: "finish", result }];
  }

  /** As many commands as may be in flight; asked when none is. */
  #sendCommands(): readonly Step[] {
    const { recipients } = this.#transaction;
    if (this.#trouble !== undefined || (this.#nextCommand === this.#data && this.#acceptedCount === 0)) {
      this.#needsReset = true;
      return this.#finish();
    }
    if (this.#nextCommand > this.#lastCommand) {
      this.#state = "content";
      return SEND_CHUNKS;
    }
    let octets = "";
    const end = Math.min(this.#lastCommand, this.#nextCommand + this.#maxInFlight - 1);
    for (; this.#nextCommand <= end; this.#nextCommand++) {
      const n = this.#nextCommand;
      if (n === RSET) octets += "RSET\r\n";
      else if (n === MAIL) octets += `${this.#mailCommand}\r\n`;
      else if (n < this.#data) octets += `RCPT TO:<${recipients[n]}>${this.#recipientArguments(n)}\r\n`;
      else octets += "DATA\r\n";
    }
    return [{ do: "write", octets }];
  }

  #recipientArguments(index: number): string {
    const { capabilities, ignoresQuota } = this.#terms;
    const notification = capabilities.dsn ? this.#transaction.recipientNotifications?.[index] : undefined;
    const quota = ignoresQuota ? " IGNOREQUOTA" : "";
    if (notification === undefined) return quota;
    return recipientArguments(notification, this.#transaction.recipients[index] ?? "") + quota;
  }

  #isRecipient(command: number): boolean {
    return command >= 0 && command < this.#data;
  }

  #commandInQuestion(loss?: Loss): string {
    if (this.#state === "content") return "sending data block";
    if (this.#state === "final" || this.#state === "lone dot") return this.#endOfData();
    const named = this.#named(this.#awaited);
    // Exim says "pipelined RCPT" when the connection breaks, and "RCPT" when the answer is a refusal or does not come.
    const isNamedSo = this.#isRecipient(this.#awaited) && this.#maxInFlight > 1 && loss?.kind !== "timeout";
    return isNamedSo ? `pipelined ${named}` : named;
  }

  /** The last chunk is one command among others, which may be pipelined. */
  #endOfData(): string {
    return this.#chunksAwaited > 0 && this.#maxInFlight > 1 ? "pipelined end of data" : "end of data";
  }

  /** As Exim names it in its texts, with `pipelined ` where it does so. */
  #named(command: number): string {
    const pipelined = this.#maxInFlight > 1 ? "pipelined " : "";
    if (command === RSET) return "RSET";
    if (command === MAIL) return `${pipelined}${this.#mailCommand}`;
    if (command < this.#data) return `RCPT TO:<${this.#transaction.recipients[command]}>`;
    return `${pipelined}DATA`;
  }
}

const refusal = (command: string, reply: PeerReply): Trouble => ({
  errno: errnos.none,
  text: replyText(command, reply.text),
  replyCode: reply.code,
});
