import assert from "node:assert/strict";
import type { Transcript } from "./session-owner.ts";

interface Rules {
  readonly messageSizeLimit: number;
  /** Every line is a command, whatever it says. */
  readonly linesOnly: boolean;
  readonly greetsAfterTls: boolean;
}

/**
 * Looks at a session from outside, knowing nothing but the octets of both sides: each reply is laid beside what it answers.
 * It is a second reading of RFC 5321 and RFC 3030, as short as can be, which shares nothing with the server's.
 */
export function checkWire(transcript: Transcript, rules: Rules): void {
  new WireCheck(transcript, rules).check();
}

class WireCheck {
  readonly #all: Transcript;
  readonly #rules: Rules;
  readonly #replies: readonly string[];
  #handshakes = 0;
  #messages = 0;
  #at = 0;
  #expects: "command" | "content" | "auth" = "command";
  /** Accepted recipients; undefined: no transaction. */
  #recipients: number | undefined;
  /** Replies that are still to come to the same message: one for each recipient, and the last one (draft-hall-prdr-00). */
  #more = 0;
  /** Chunks of a message that has not come to its end. */
  #chunks: string | undefined;

  constructor(transcript: Transcript, rules: Rules) {
    this.#all = transcript;
    this.#rules = rules;
    this.#replies = repliesIn(transcript.replies);
  }

  check(): void {
    const [, ...answers] = this.#replies;
    if (this.#rules.greetsAfterTls) this.#handshake();
    answers.forEach((answer, i) => {
      const isLast = this.#all.isClosed && i === answers.length - 1;
      if (!this.#lay(answer, isLast)) assert.ok(isLast, `${answer} answers nothing`);
    });
    assert.equal(this.#messages, this.#all.messages.length, "a positive reply for each message");
    if (this.#all.isClosed) return;
    assert.ok(this.#unit() === undefined, "everything is answered");
    // Of content, nothing is.
    const isContent = this.#expects === "content" || this.#all.sent.includes("\n", this.#at);
    assert.equal(this.#all.held, isContent ? 0 : this.#all.sent.length - this.#at, "what is held");
  }

  /** The octets of the next thing that wants an answer, if they are all there. */
  #unit(): string | undefined {
    const { sent } = this.#all;
    if (this.#expects === "content") {
      const end = `\r\n${sent.slice(this.#at)}`.indexOf("\r\n.\r\n");
      return end < 0 ? undefined : sent.slice(this.#at, this.#at + end + 3);
    }
    const end = sent.indexOf("\n", this.#at) + 1;
    if (end === 0) return undefined;
    const line = sent.slice(this.#at, end);
    const octets = this.#rules.linesOnly || this.#expects === "auth" ? undefined : chunkOf(line)?.octets;
    if (octets === undefined) return line;
    return end + octets > sent.length ? undefined : sent.slice(this.#at, end + octets);
  }

  /** @returns false: there is nothing that this could be the answer to. */
  #lay(answer: string, isLast: boolean): boolean {
    const unit = this.#unit();
    if (unit === undefined) return false;
    if (this.#isOneOfMany(answer)) return true;
    // What is said before the end of a session may be about something else than what came first.
    if (isLast && !this.#isPositive(answer)) return true;
    this.#at += unit.length;
    if (this.#expects === "content") {
      this.#expects = "command";
      this.#endMessage(answer, decoded(unit));
    } else if (this.#expects === "auth") {
      if (!answer.startsWith("334")) this.#expects = "command";
    } else this.#command(answer, unit);
    return true;
  }

  #isOneOfMany(answer: string): boolean {
    if (answer.startsWith("353")) this.#more = (this.#recipients ?? 0) + 2;
    if (this.#more > 0) this.#more -= 1;
    return this.#more > 0;
  }

  #isPositive(answer: string): boolean {
    return answer.startsWith("2");
  }

  #command(answer: string, unit: string): void {
    const line = unit.slice(0, unit.indexOf("\n") + 1);
    const isYes = this.#isPositive(answer);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a line with them is none
    if (!/^[^\0-\x1f\x7f]*\r\n$/.test(line)) {
      assert.ok(/^50[01]/.test(answer), `${answer} to a line that is none`);
      return;
    }
    const verb = line.slice(0, -2).split(" ")[0]?.toUpperCase();
    if (this.#chunks !== undefined && isYes) assert.match(verb ?? "", /^(?:BDAT|RSET|NOOP|QUIT)$/);
    switch (verb) {
      case "MAIL":
        if (isYes) assert.equal(this.#recipients, undefined, "one transaction at a time");
        if (isYes) this.#recipients = 0;
        break;
      case "RCPT":
        if (!isYes) break;
        assert.ok(this.#recipients !== undefined, "RCPT behind MAIL");
        this.#recipients += 1;
        break;
      case "DATA":
        if (!answer.startsWith("354")) break;
        assert.ok((this.#recipients ?? 0) > 0, "DATA behind RCPT");
        this.#expects = "content";
        break;
      case "BDAT":
        this.#chunk(answer, line, unit.slice(line.length));
        break;
      case "AUTH":
        if (answer.startsWith("334")) this.#expects = "auth";
        break;
      case "STARTTLS":
        if (isYes) this.#handshake();
        break;
      case "EHLO":
      case "HELO":
      case "RSET":
        if (isYes) this.#recipients = this.#chunks = undefined;
        break;
      default:
    }
  }

  #handshake(): void {
    this.#at = this.#all.handshakes[this.#handshakes] ?? this.#all.sent.length;
    this.#handshakes += 1;
    this.#recipients = undefined;
  }

  #chunk(answer: string, line: string, octets: string): void {
    if (!this.#isPositive(answer)) {
      if (this.#chunks !== undefined || this.#recipients !== undefined) this.#spoilt(answer);
      return;
    }
    assert.ok((this.#recipients ?? 0) > 0, "BDAT behind RCPT");
    this.#chunks = (this.#chunks ?? "") + octets;
    if (chunkOf(line)?.isLast !== true) return;
    const text = this.#chunks;
    this.#endMessage(answer, text === "" || text.endsWith("\n") ? text : `${text}\r\n`);
  }

  /** A chunk was refused: with it the message, if that had begun. */
  #spoilt(answer: string): void {
    if (!answer.includes("RCPT command must precede") && (this.#recipients ?? 0) > 0) this.#recipients = undefined;
    this.#chunks = undefined;
  }

  #endMessage(answer: string, content: string): void {
    const recipients = this.#recipients;
    this.#recipients = this.#chunks = undefined;
    if (!this.#isPositive(answer)) return;
    const message = this.#all.messages[this.#messages];
    this.#messages += 1;
    assert.ok(message !== undefined, "a message that was handed out");
    assert.equal(message.recipients, recipients, "its recipients");
    assert.doesNotMatch(content, /\r(?!\n)|(?<!\r)\n|\0/, "what must not be in content");
    const { messageSizeLimit: limit } = this.#rules;
    assert.ok(limit === 0 || content.length <= limit, "its size");
    assert.ok(
      message.header.endsWith("\r\n") && !message.header.slice(0, -2).includes("\r\n\r\n"),
      "its header section",
    );
    // Where no blank line ends the header section, one is put in.
    const isAsSent = message.header + message.body === content;
    if (!isAsSent) assert.equal(message.header.slice(0, -2) + message.body, content, "its content");
  }
}

/** Cuts what was said into replies. */
function repliesIn(output: string): readonly string[] {
  const replies = output.match(/(?:[0-9]{3}-[^\r\n]*\r\n)*[0-9]{3} [^\r\n]*\r\n/g) ?? [];
  assert.equal(replies.join(""), output, "replies and nothing else");
  // RFC 5321 §4.5.3.1.5: 512 octets with CRLF.
  for (const answer of replies)
    assert.match(answer, /^([2-5][0-9]{2})[ -][\t -~\x80-\xff]{0,506}\r\n(?:\1[ -][\t -~\x80-\xff]{0,506}\r\n)*$/);
  return replies;
}

function chunkOf(line: string): { readonly octets: number; readonly isLast: boolean } | undefined {
  const [, octets, last] = /^BDAT +([0-9]+)( +LAST)? *\r\n$/i.exec(line) ?? [];
  return octets === undefined ? undefined : { octets: Number(octets), isLast: last !== undefined };
}

/** Content behind DATA, without its end and its stuffed dots (RFC 5321 §4.5.2). */
function decoded(unit: string): string {
  return `\r\n${unit.slice(0, -3)}`.replaceAll("\r\n.", "\r\n").slice(2);
}
