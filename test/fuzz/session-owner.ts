import assert from "node:assert/strict";
import { type Reply, reply } from "@postbus/mail";
import { ServerSession, type SessionProfile, type SessionStep } from "@postbus/smtp";
import { bufferOf, Chance } from "./chance.ts";

/** Of a command line, and of a line behind a challenge: what a session may hold while it waits (RFC 5321 §4.5.3.1.4, RFC 4954 §4). */
const MOST_HELD = { command: 4_096, auth: 12_288 } as const;

/** What was on the wire, and what the owner of the session had from it. */
export interface Transcript {
  /** All that the session was given. */
  readonly sent: string;
  readonly replies: string;
  /** Whom it has accepted a message for, and its parts as they were handed out. */
  readonly messages: readonly { readonly recipients: number; readonly header: string; readonly body: string }[];
  /** Length of `sent` at each TLS handshake. */
  readonly handshakes: readonly number[];
  readonly isClosed: boolean;
  /** Octets that wait for more of them. */
  readonly held: number;
}

export interface SessionOptions {
  readonly profile: SessionProfile;
  readonly isTlsFirst: boolean;
  readonly lacksProxyHeader: boolean;
  /** Refusals have words of the client in them. */
  readonly echoes: boolean;
  /** Of the decisions. */
  readonly seed: number;
  /** The owner may stop a session or a message whenever it likes: what comes then depends on how the octets are cut. */
  readonly isMoody: boolean;
}

/** Gives a session what a client says, and does as its steps want, deciding by chance. */
export function hold(pieces: readonly string[], options: SessionOptions): Transcript {
  const owner = new SessionOwner(options);
  return owner.hold(pieces);
}

class SessionOwner {
  readonly #options: SessionOptions;
  readonly #chance: Chance;
  readonly #session: ServerSession;
  readonly #messages: { recipients: number; header: string; body: string }[] = [];
  readonly #handshakes: number[] = [];
  #sent = 0;
  #replies = "";
  #recipients = 0;
  #isPrdr = false;
  #header = "";
  #body = "";
  #isClosed = false;
  #inAuth = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#chance = new Chance(options.seed);
    this.#session = new ServerSession(options.profile, "192.0.2.1", options.isTlsFirst);
    const standing = { mechanisms: "LOGIN PLAIN", mayXclient: true, mayOmitSenderDomain: true };
    if (this.#chance.oneIn(2)) this.#session.standing = { ...this.#session.standing, ...standing };
    if (options.lacksProxyHeader) this.#session.lackProxyHeader();
  }

  hold(pieces: readonly string[]): Transcript {
    let sent = "";
    this.#pump(0);
    for (const piece of pieces) {
      if (this.#isClosed) break;
      sent += piece;
      this.#sent = sent.length;
      this.#session.receive(bufferOf(piece));
      this.#pump(this.#session.heldOctets);
      if (this.#options.isMoody) this.#change();
    }
    return {
      sent,
      replies: this.#replies,
      messages: this.#messages,
      handshakes: this.#handshakes,
      isClosed: this.#isClosed,
      held: this.#session.heldOctets,
    };
  }

  /** Takes steps until it is to wait. @param octets Of the input: each step needs some. */
  #pump(octets: number): void {
    for (let left = octets + 20; left > 0; left--) {
      const step = this.#session.next();
      if (step.kind === "read" || step.kind === "close") {
        this.#isClosed = step.kind === "close";
        this.#replies += this.#session.takeOutput();
        this.#checkHeld();
        return;
      }
      this.#take(step);
    }
    assert.fail("steps without an end");
  }

  #checkHeld(): void {
    if (this.#isClosed) return;
    const { heldOctets, collectedOctets, isReadingContent } = this.#session;
    const most = isReadingContent ? 0 : this.#inAuth ? MOST_HELD.auth : MOST_HELD.command;
    assert.ok(heldOctets <= most, `${heldOctets} octets are held`);
    assert.ok(collectedOctets <= this.#options.profile.headerMaxOctets, `${collectedOctets} octets of a header`);
  }

  #change(): void {
    if (this.#chance.oneIn(100)) this.#session.shutDown(reply(421, "4.3.2", "shutting down"));
    if (this.#chance.oneIn(100)) this.#session.discardContent(reply(452, "4.3.1", "no room"));
  }

  #take(step: SessionStep): void {
    const session = this.#session;
    if (step.kind !== "auth" && step.kind !== "auth line") this.#inAuth = false;
    switch (step.kind) {
      case "connect":
      case "helo":
      case "starttls":
        this.#decide("");
        break;
      case "data":
        this.#decide("");
        this.#header = this.#body = "";
        break;
      case "mail":
        if (this.#decide(step.returnPath)) this.#recipients = 0;
        this.#isPrdr = step.prdr === true;
        break;
      case "recipient":
        if (this.#decide(step.address)) this.#recipients += 1;
        break;
      case "header":
        assert.equal(this.#header, "", "one header section");
        this.#header = step.octets.toString("latin1");
        break;
      case "content":
        this.#body += step.octets.toString("latin1");
        break;
      case "end":
        this.#finish();
        break;
      case "vrfy":
      case "expn":
      case "etrn":
      case "quit":
        session.respond(this.#chance.oneIn(2) ? undefined : this.#refusal("argument" in step ? step.argument : ""));
        break;
      case "auth":
      case "auth line":
        this.#authenticate(step.kind === "auth" ? step.mechanism : step.line);
        break;
      case "xclient":
        session.restart(step.client.address ?? "", step.client);
        break;
      case "handshake":
        session.takeInput();
        this.#handshakes.push(this.#sent);
        session.tlsEstablished();
        session.greet();
        break;
      default:
    }
  }

  /** @returns whether the answer is yes. */
  #decide(words: string): boolean {
    if (!this.#chance.oneIn(10)) {
      this.#session.accept();
      return true;
    }
    this.#session.refuse(this.#refusal(words), this.#chance.oneIn(10));
    return false;
  }

  #finish(): void {
    if (this.#isPrdr && this.#recipients > 1) this.#answerRecipients();
    if (this.#chance.oneIn(8)) {
      this.#session.finish(this.#refusal(this.#header), this.#chance.oneIn(10));
      return;
    }
    this.#messages.push({ recipients: this.#recipients, header: this.#header, body: this.#body });
    this.#session.finish(reply(250, "2.0.0", "OK"));
  }

  /** Each for itself (draft-hall-prdr-00); what comes of the message is said behind that. */
  #answerRecipients(): void {
    this.#session.progress({ code: 353, lines: ["each recipient"] });
    for (let count = this.#recipients; count > 0; count--) {
      this.#session.progress(this.#chance.oneIn(3) ? this.#refusal("") : reply(250, "2.0.0", "OK"));
    }
  }

  #authenticate(words: string): void {
    if (this.#chance.oneIn(2)) {
      this.#inAuth = true;
      this.#session.challenge("VXNlcg==");
      return;
    }
    this.#inAuth = false;
    const isGood = this.#chance.oneIn(3);
    const end = isGood ? "authenticated" : this.#chance.pick(["refused", "denied", "unknown"] as const);
    this.#session.authenticationEnded(isGood ? reply(235, "2.7.0", "OK") : this.#refusal(words), end);
  }

  #refusal(words: string): Reply {
    const code = this.#chance.pick([550, 550, 554, 450, 451, 421]);
    const text = this.#options.echoes ? `no ${words.slice(0, 100)}` : "no";
    return this.#chance.oneIn(3) ? { code, lines: [text, "really"] } : { code, lines: [text] };
  }
}
