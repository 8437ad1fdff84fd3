import { noCapabilities, parseCapabilities } from "./capabilities.ts";
import { type Loss, lossTrouble, malformedTrouble, printable, replyText } from "./error-text.ts";
import type { PeerReply } from "./reply-parser.ts";

/** What a peer has answered to a command, or that it has not. */
export type PeerWord =
  | { readonly kind: "reply"; readonly reply: PeerReply }
  | { readonly kind: "malformed"; readonly text: string }
  | Loss;

/** The host that is asked. Each method has its deadline. */
export interface CalloutPeer {
  /** `host [address]`, for texts. */
  readonly label: string;
  /** @param command Without its line end; undefined: the greeting is waited for. */
  say(command: string | undefined): Promise<PeerWord>;
  /** The handshake. @returns why there is no TLS; undefined: there is. */
  startTls(): Promise<string | undefined>;
  /** @param banner Its lines, LF between them. @returns why nothing more is to be said to the host; empty: go on. */
  greeted(banner: string): Promise<string>;
  /** @param reply To EHLO, HELO or LHLO, its lines, LF between them. */
  introduced(reply: string): Promise<void>;
}

export interface CalloutQuestions {
  readonly heloName: string;
  /** It speaks LMTP (RFC 2033). */
  readonly isLmtp?: boolean;
  readonly tls: "never" | "offered" | "required";
  readonly mailFrom: string;
  readonly address: string;
  /** An address of the same domain that nobody has. */
  readonly randomAddress: string | undefined;
  /** Of the domain, then without one: all are asked until one is taken. */
  readonly postmasters: readonly string[];
  readonly postmasterMailFrom: string;
}

/** How a callout has ended. */
export interface CalloutEnd {
  readonly result: "good" | "bad" | "unknown";
  /** Where it is not good: at which command; `mail`: at that one or before. */
  readonly failure?: "mail" | "recipient" | "postmaster";
  readonly sent?: string;
  readonly response?: string;
  /** For the log. */
  readonly text?: string;
  /** There is no TLS: the host has said no to STARTTLS, for good or for now (4yz), or what came behind it has failed. */
  readonly tls?: "refused" | "deferred" | "failed";
  /** What was said to the address that nobody has. */
  readonly random?: "accepted" | "refused";
}

const GOOD: CalloutEnd = { result: "good" };

/**
 * Asks a host whether it would take mail for an address, without sending any (Exim's manual, "Callout verification").
 * TLS that fails is the end: the caller may ask again with `tls: "never"`.
 */
export async function calloutDialogue(peer: CalloutPeer, questions: CalloutQuestions): Promise<CalloutEnd> {
  const dialogue = new CalloutDialogue(peer, questions);
  return (await dialogue.greet()) ?? (await dialogue.ask());
}

class CalloutDialogue {
  readonly #peer: CalloutPeer;
  readonly #questions: CalloutQuestions;
  #random: CalloutEnd["random"];
  #capabilities = noCapabilities;

  constructor(peer: CalloutPeer, questions: CalloutQuestions) {
    this.#peer = peer;
    this.#questions = questions;
  }

  /** Greeting, EHLO, and TLS where it is wanted. @returns the end, if this was it. */
  async greet(): Promise<CalloutEnd | undefined> {
    const { tls } = this.#questions;
    const greeting = await this.#peer.say(undefined);
    if (greeting.kind === "reply") {
      const text = await this.#peer.greeted(greeting.reply.text);
      if (text !== "") return { result: "unknown", failure: "mail", text };
    }
    if (!isYes(greeting)) return ended(greeting, "initial connection", "mail", this.#peer.label);
    const hello = await this.#hello();
    if (!isYes(hello.word)) return ended(hello.word, hello.command, "mail", this.#peer.label);
    if (hello.isExtended) this.#capabilities = parseCapabilities(hello.word.reply);
    const offersTls = this.#capabilities.startTls;
    if (tls === "never" || (!offersTls && tls === "offered")) return undefined;
    if (!offersTls) return withoutTls("the server did not offer TLS support", "refused");
    const end = await this.#startTls();
    if (end !== undefined) return end;
    // RFC 3207 §4.2: what was said before is forgotten.
    const command = this.#extended;
    const again = await this.#introduce(command);
    if (!isYes(again)) return ended(again, command, "mail", this.#peer.label);
    this.#capabilities = parseCapabilities(again.reply);
    return undefined;
  }

  async ask(): Promise<CalloutEnd> {
    const { mailFrom, address, randomAddress, postmasters, postmasterMailFrom } = this.#questions;
    const refused = await this.#mail(mailFrom, "mail");
    if (refused !== undefined) return refused;
    if (randomAddress !== undefined) {
      const end = await this.#recipient(randomAddress, "recipient");
      if (end.result === "unknown") return end;
      if (end.result === "good") return { ...GOOD, random: "accepted" };
      this.#random = "refused";
      const problem = await this.#again(mailFrom, "recipient");
      if (problem !== undefined) return this.#noted(problem);
    }
    const end = await this.#recipient(address, "recipient");
    if (end.result !== "good" || postmasters.length === 0) return this.#noted(end);
    const problem = await this.#again(postmasterMailFrom, "postmaster");
    if (problem !== undefined) return this.#noted(problem);
    let last = GOOD;
    for (const postmaster of postmasters) {
      last = await this.#recipient(postmaster, "postmaster");
      if (last.result !== "bad") break;
    }
    return this.#noted(last);
  }

  #noted(end: CalloutEnd): CalloutEnd {
    return this.#random === undefined ? end : { ...end, random: this.#random };
  }

  get #extended(): string {
    const { heloName, isLmtp = false } = this.#questions;
    return `${isLmtp ? "LHLO" : "EHLO"} ${heloName}`;
  }

  async #hello(): Promise<{ readonly word: PeerWord; readonly command: string; readonly isExtended: boolean }> {
    const { heloName, isLmtp } = this.#questions;
    const extended = this.#extended;
    const word = await this.#introduce(extended);
    const isAnswered = word.kind === "reply" && word.reply.code >= 500;
    if (!isAnswered || isLmtp === true) return { word, command: extended, isExtended: true };
    const plain = `HELO ${heloName}`;
    return { word: await this.#introduce(plain), command: plain, isExtended: false };
  }

  async #introduce(command: string): Promise<PeerWord> {
    const word = await this.#peer.say(command);
    if (word.kind === "reply") await this.#peer.introduced(word.reply.text);
    return word;
  }

  async #startTls(): Promise<CalloutEnd | undefined> {
    const word = await this.#peer.say("STARTTLS");
    const isRefused = word.kind === "reply" && word.reply.code >= 500;
    if (!isYes(word)) return withoutTls("an attempt to start TLS failed", isRefused ? "refused" : "deferred");
    const problem = await this.#peer.startTls();
    return problem === undefined ? undefined : withoutTls(problem, "failed");
  }

  async #mail(from: string, failure: "mail" | "recipient" | "postmaster"): Promise<CalloutEnd | undefined> {
    const { address } = this.#questions;
    const needsUtf8 = NOT_ASCII.test(from + address);
    const command = `MAIL FROM:<${from}>${needsUtf8 ? " SMTPUTF8" : ""}`;
    if (needsUtf8 && !this.#capabilities.smtpUtf8) {
      return { result: "unknown", failure, sent: command, text: "SMTPUTF8 is needed to ask, and is not offered" };
    }
    const word = await this.#peer.say(command);
    return isYes(word) ? undefined : ended(word, command, failure, this.#peer.label);
  }

  /** Another transaction in the same session. */
  async #again(from: string, failure: "recipient" | "postmaster"): Promise<CalloutEnd | undefined> {
    const word = await this.#peer.say("RSET");
    return isYes(word) ? this.#mail(from, failure) : ended(word, "RSET", failure, this.#peer.label);
  }

  async #recipient(address: string, failure: "recipient" | "postmaster"): Promise<CalloutEnd> {
    const command = `RCPT TO:<${address}>`;
    const word = await this.#peer.say(command);
    return isYes(word) ? GOOD : ended(word, command, failure, this.#peer.label);
  }
}

const withoutTls = (problem: string, tls: CalloutEnd["tls"] & string): CalloutEnd => ({
  result: "unknown",
  failure: "mail",
  sent: "STARTTLS",
  text: `TLS session: ${problem}`,
  tls,
});

const NOT_ASCII = /[\x80-\xff]/;

const isYes = (word: PeerWord): word is Extract<PeerWord, { kind: "reply" }> =>
  word.kind === "reply" && word.reply.code < 300;

/** As Exim says it of a transaction's commands. */
const responseText = (sent: string, said: string): string => `response to "${printable(sent)}" was: ${said}`;

function ended(word: PeerWord, sent: string, failure: CalloutEnd["failure"] & string, label: string): CalloutEnd {
  switch (word.kind) {
    case "reply": {
      const { code, text } = word.reply;
      const said = sent.startsWith("MAIL ") ? responseText(sent, printable(text)) : replyText(sent, text);
      return { result: code >= 500 ? "bad" : "unknown", failure, sent, response: text, text: said };
    }
    case "malformed":
      return { result: "unknown", failure, sent, text: malformedTrouble(word.text, sent).text };
    case "closed": {
      const isBegun = /^(?:MAIL|RCPT|RSET) ?/.test(sent);
      const said = isBegun ? responseText(sent, "connection dropped") : lossTrouble(word, sent, label).text;
      return { result: "unknown", failure, sent, text: said };
    }
    case "timeout":
    case "error":
      return { result: "unknown", failure, sent, text: lossTrouble(word, sent, label).text };
    default:
      throw new Error(`unhandled word: ${JSON.stringify(word satisfies never)}`);
  }
}
