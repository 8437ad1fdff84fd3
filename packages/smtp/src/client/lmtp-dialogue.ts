import { errnos, type Loss, printable } from "./error-text.ts";
import type { PeerReply } from "./reply-parser.ts";

/** What a local LMTP server is to be told. */
export interface LmtpTransaction {
  /** For LHLO. */
  readonly heloName: string;
  readonly returnPath: string;
  readonly recipients: readonly string[];
  /** RCPT says IGNOREQUOTA where that is offered. */
  readonly ignoresQuota: boolean;
}

/** What became of a recipient. */
export type LmtpResult =
  | { readonly outcome: "delivered"; readonly confirmation: string }
  | { readonly outcome: "deferred"; readonly errno: number; readonly text: string }
  | { readonly outcome: "failed"; readonly text: string };

export type LmtpStep =
  | { readonly do: "write"; readonly octets: string }
  | { readonly do: "send content" }
  /** Everybody has a result; no reply is waited for any more. */
  | { readonly do: "finish" };

type State = "greeting" | "lhlo" | "mail" | "rcpt" | "data" | "content" | "final" | "finished";

/**
 * One message for a local LMTP server (RFC 2033), command by command, with a result for each recipient. Texts and numbers are those
 * of Exim's lmtp transport.
 */
export class LmtpDialogue {
  readonly #transaction: LmtpTransaction;
  readonly #results: (LmtpResult | undefined)[];
  #state: State = "greeting";
  /** The recipient whose RCPT, or whose final reply, is awaited. */
  #at = 0;
  #offersIgnoreQuota = false;
  #octetsWritten = 0;

  constructor(transaction: LmtpTransaction) {
    this.#transaction = transaction;
    this.#results = transaction.recipients.map(() => undefined);
  }

  /** Of each recipient; who has none was not spoken of. */
  get results(): readonly LmtpResult[] {
    return this.#results.map((result) => result ?? { outcome: "deferred", errno: errnos.own, text: "no result" });
  }

  reply(reply: PeerReply): LmtpStep {
    switch (this.#state) {
      case "greeting":
        return this.#next(reply, "lhlo", `LHLO ${this.#transaction.heloName}`);
      case "lhlo":
        this.#offersIgnoreQuota = /^250[ -]IGNOREQUOTA\s*$/im.test(reply.text);
        return this.#next(reply, "mail", `MAIL FROM:<${this.#transaction.returnPath}>`);
      case "mail":
        return this.#next(reply, "rcpt", this.#rcpt(), errnos.mail4xx);
      case "rcpt":
        return this.#recipientReply(reply);
      case "data":
        if (reply.code !== 354) return this.#refused(reply, errnos.data4xx);
        this.#state = "content";
        return { do: "send content" };
      case "content":
        return this.#refused(reply, errnos.data4xx);
      case "final":
        return this.#finalReply(reply);
      case "finished":
        return { do: "finish" };
    }
  }

  contentSent(octets: number): void {
    this.#octetsWritten = octets;
    this.#state = "final";
    this.#at = this.#nextAccepted(0);
  }

  malformed(said: string): LmtpStep {
    const text = `Malformed LMTP response after ${this.#command}: ${printable(said)}`;
    return this.#end({ outcome: "deferred", errno: errnos.malformed, text });
  }

  lost(loss: Loss): LmtpStep {
    const written = this.#octetsWritten > 0 ? ` (${this.#octetsWritten} bytes written)` : "";
    const what = loss.kind === "timeout" ? "timeout" : "connection closed";
    const text = `LMTP ${what} after ${this.#command}${loss.kind === "timeout" ? written : ""}`;
    return this.#end({ outcome: "deferred", errno: errnos.own, text });
  }

  /** What was said last, as Exim names it. */
  get #command(): string {
    const { heloName, returnPath, recipients } = this.#transaction;
    switch (this.#state) {
      case "greeting":
        return "initial connection";
      case "lhlo":
        return `LHLO ${heloName}`;
      case "mail":
        return `MAIL FROM:<${returnPath}>`;
      case "rcpt":
        return `RCPT TO:<${recipients[this.#at]}>`;
      case "data":
        return "DATA";
      default:
        return "end of data";
    }
  }

  #rcpt(): string {
    const ignore = this.#transaction.ignoresQuota && this.#offersIgnoreQuota ? " IGNOREQUOTA" : "";
    return `RCPT TO:<${this.#transaction.recipients[this.#at]}>${ignore}`;
  }

  #next(reply: PeerReply, state: State, command: string, errno: number = errnos.own): LmtpStep {
    if (reply.code < 200 || reply.code >= 300) return this.#refused(reply, errno);
    this.#state = state;
    return { do: "write", octets: `${command}\r\n` };
  }

  #recipientReply(reply: PeerReply): LmtpStep {
    if (reply.code >= 300) this.#results[this.#at] = this.#resultOf(reply, errnos.rcpt4xx);
    this.#at++;
    if (this.#at < this.#transaction.recipients.length) return { do: "write", octets: `${this.#rcpt()}\r\n` };
    if (this.#nextAccepted(0) === this.#at) return this.#finish();
    this.#state = "data";
    return { do: "write", octets: "DATA\r\n" };
  }

  #finalReply(reply: PeerReply): LmtpStep {
    this.#results[this.#at] =
      reply.code < 300
        ? { outcome: "delivered", confirmation: printable(reply.text) }
        : this.#resultOf(reply, errnos.data4xx);
    this.#at = this.#nextAccepted(this.#at + 1);
    // More replies are awaited, and nothing is to be said.
    return this.#at < this.#results.length ? { do: "write", octets: "" } : this.#finish();
  }

  #nextAccepted(from: number): number {
    const at = this.#results.findIndex((result, i) => i >= from && result === undefined);
    return at < 0 ? this.#results.length : at;
  }

  #refused(reply: PeerReply, errno: number): LmtpStep {
    return this.#end(this.#resultOf(reply, errno));
  }

  #resultOf(reply: PeerReply, errno: number): LmtpResult {
    const text = `LMTP error after ${this.#command}: ${printable(reply.text)}`;
    return reply.code >= 500 ? { outcome: "failed", text } : { outcome: "deferred", errno, text };
  }

  #end(result: LmtpResult): LmtpStep {
    for (const [i, known] of this.#results.entries()) this.#results[i] = known ?? result;
    return this.#finish();
  }

  #finish(): LmtpStep {
    this.#state = "finished";
    return { do: "finish" };
  }
}
