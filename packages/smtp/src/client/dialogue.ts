import type { Capabilities } from "./capabilities.ts";
import { errnos, type Loss, lossTrouble, malformedTrouble, printable, replyText, type Trouble } from "./error-text.ts";
import { messageArguments, recipientArguments } from "./notification-arguments.ts";
import type { PeerReply } from "./reply-parser.ts";
import type { RecipientResult, Step, Transaction, TransactionResult, TroubleKind } from "./transaction.ts";

/** Commands without an answer at one time: as many as Exim; RFC 2920 §3.1 leaves the bound to us. */
const MAX_IN_FLIGHT = 100;
/** Exim's `size_addition`: what a transport may add to the content on its way. */
const SIZE_ADDITION = 1024;

const NOTHING: readonly Step[] = [];
const SEND_CONTENT: readonly Step[] = [{ do: "send content" }];
const LONE_DOT: readonly Step[] = [{ do: "write", octets: ".\r\n" }];

/** Every way to the end gives each recipient its own; should one be forgotten, it waits and is not lost. */
const NO_ANSWER: RecipientResult = { outcome: "deferred", errno: errnos.closed, text: "no final answer" };

/** Position of a command in the dialogue: RSET, MAIL, one RCPT per recipient, DATA, end of data. */
const RSET = -2;
const MAIL = -1;

/**
 * One transaction with its replies (RFC 5321 §3.3, RFC 2920): knows which command the next reply belongs to, and
 * gives each recipient its end.
 */
export class Dialogue {
  readonly #transaction: Transaction;
  readonly #mailCommand: string;
  readonly #lacksUtf8: boolean;
  readonly #passesNotifications: boolean;
  readonly #maxInFlight: number;
  readonly #isBehind: boolean;
  /** For the error texts of the operating system: `host [address]`. */
  readonly #host: string;
  readonly #ends: (RecipientResult | undefined)[];
  /** Recipients are commands 0 to n-1, DATA is n, the end of data n+1. */
  readonly #data: number;
  #nextCommand: number;
  #awaited: number;
  #state: "envelope" | "content" | "final" | "lone dot" | "finished" = "envelope";
  #mailAnswered = false;
  #acceptedCount = 0;
  /** A recipient got 2yz or 5yz: only then 452 means "enough for this transaction". */
  #decidedCount = 0;
  #octetsWritten = 0;
  #trouble: TransactionResult["trouble"];
  #isUnanswered = false;
  #needsReset = false;
  #isUsable = true;

  /**
   * @param start How it begins: `reset`, the transaction before was left halfway; `behind`, its commands are sent behind
   * the end of data of that one, whose reply is not there yet.
   */
  constructor(transaction: Transaction, capabilities: Capabilities, start: "reset" | "fresh" | "behind", host: string) {
    this.#transaction = transaction;
    const { smtpUtf8 = false, returnPath, recipients } = transaction;
    const isUtf8 = smtpUtf8 || !isAscii(returnPath) || !recipients.every(isAscii);
    this.#lacksUtf8 = isUtf8 && !capabilities.smtpUtf8;
    this.#passesNotifications = capabilities.dsn;
    this.#mailCommand = mailCommand(transaction, capabilities, isUtf8);
    this.#maxInFlight = capabilities.pipelining ? MAX_IN_FLIGHT : 1;
    this.#host = host;
    this.#data = transaction.recipients.length;
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

  contentSent(octets: number): void {
    this.#octetsWritten = octets;
    if (this.#state === "content") this.#state = "final";
  }

  reply(reply: PeerReply): readonly Step[] {
    switch (this.#state) {
      case "envelope":
        return this.#envelopeReply(reply);
      case "content":
        return this.#earlyReply(reply);
      case "final":
        return this.#finalReply(reply, "end of data");
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
    const trouble = lossTrouble(loss, this.#commandInQuestion(loss), this.#host, this.#octetsWritten);
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
      if (reply.code >= 300) return this.#giveUp({ errno: errnos.none, text: replyText("RSET", reply.text) }, "host");
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
    this.#trouble = { kind: "message", errno: errnos.mail4xx, text };
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
    return this.#finalReply(reply, this.#named(this.#data));
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
    return this.#finalReply(reply, "sending data block");
  }

  #finalReply(reply: PeerReply, command: string): readonly Step[] {
    if (reply.code === 421) this.#isUsable = false;
    if (reply.code < 300) {
      this.#endOthers({ outcome: "delivered", confirmation: printable(reply.text) });
      return this.#finish();
    }
    const text = replyText(command, reply.text);
    this.#trouble = { kind: "message", errno: errnos.data4xx, text };
    this.#endOthers(ended(reply, errnos.data4xx, text));
    return this.#finish();
  }

  /** The peer closes (RFC 5321 §3.8): it will not answer what is still in flight. */
  #giveUpAfter421(reply: PeerReply, command: number): readonly Step[] {
    const trouble = this.#trouble ?? { errno: errnos.none, text: replyText(this.#named(command), reply.text) };
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
    let octets = "";
    const end = Math.min(this.#data, this.#nextCommand + this.#maxInFlight - 1);
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
    const notification = this.#passesNotifications ? this.#transaction.recipientNotifications?.[index] : undefined;
    return notification === undefined
      ? ""
      : recipientArguments(notification, this.#transaction.recipients[index] ?? "");
  }

  #isRecipient(command: number): boolean {
    return command >= 0 && command < this.#data;
  }

  #commandInQuestion(loss?: Loss): string {
    if (this.#state === "content") return "sending data block";
    if (this.#state === "final" || this.#state === "lone dot") return "end of data";
    const named = this.#named(this.#awaited);
    // Exim says "pipelined RCPT" when the connection breaks, and "RCPT" when the answer is a refusal or does not come.
    const isNamedSo = this.#isRecipient(this.#awaited) && this.#maxInFlight > 1 && loss?.kind !== "timeout";
    return isNamedSo ? `pipelined ${named}` : named;
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

/** 5yz is final; anything else but success may be different next time. */
function ended(reply: PeerReply, errno: number, text: string): RecipientResult {
  return reply.code >= 500 ? { outcome: "failed", text } : { outcome: "deferred", errno, text };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is what is meant
const isAscii = (address: string): boolean => !/[^\x00-\x7f]/.test(address);

/** In Exim's order of the parameters. */
function mailCommand(
  { returnPath, size, eightBit, notification, requireTls = false }: Transaction,
  offered: Capabilities,
  isUtf8: boolean,
): string {
  let command = `MAIL FROM:<${returnPath}>`;
  if (offered.size) command += ` SIZE=${size + SIZE_ADDITION}`;
  if (offered.eightBitMime && eightBit) command += " BODY=8BITMIME";
  if (isUtf8) command += " SMTPUTF8";
  if (offered.requireTls && requireTls) command += " REQUIRETLS";
  if (offered.dsn && notification !== undefined) command += messageArguments(notification);
  return command;
}
