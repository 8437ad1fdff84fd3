import type { Content, Facts, SpfFact } from "@postbus/contracts";
import type { WantedFacts } from "@postbus/policy";
import type { FactQuestions } from "./fact-questions.ts";

type MessageFacts = Pick<Facts, "dkim" | "dmarc">;

/** Of whom and what is asked. */
interface Asked {
  readonly clientAddress: string;
  readonly helo: string;
  readonly returnPath: string;
}

interface ContentAtHand {
  readonly messageId: string;
  readonly read: () => Promise<Content>;
}

/** What the policy wants to know about the transaction that runs: each thing is asked when it is wanted, and once. */
export class TransactionFacts {
  readonly #questions: FactQuestions;
  readonly #timeoutMs: number;
  readonly #asked: Asked;
  #spf: Promise<SpfFact> | undefined;
  #message: Promise<MessageFacts> | undefined;
  #scan: Promise<string | undefined> | undefined;
  #content: ContentAtHand | undefined;

  constructor(questions: FactQuestions, timeoutMs: number, asked: Asked) {
    this.#questions = questions;
    this.#timeoutMs = timeoutMs;
    this.#asked = asked;
  }

  /** The message is complete: questions about its content can be asked from now on. */
  contentIsThere(messageId: string, read: () => Promise<Content>): void {
    this.#content = { messageId, read };
  }

  spf(): Promise<SpfFact> {
    this.#spf ??= this.#questions.spf({ v: 1, ...this.#asked }, this.#timeoutMs);
    return this.#spf;
  }

  /** DKIM and DMARC, with SPF, which DMARC depends on; undefined before the content is there. */
  message(): Promise<MessageFacts> | undefined {
    if (this.#content !== undefined) this.#message ??= this.#askAboutMessage(this.#content);
    return this.#message;
  }

  /** Whatever the scanner says. Undefined before the content is there. */
  async scan(recipients: readonly string[]): Promise<string | undefined> {
    if (this.#content !== undefined) this.#scan ??= this.#askScanner(this.#content, recipients);
    return this.#scan;
  }

  async #askScanner({ messageId, read }: ContentAtHand, recipients: readonly string[]): Promise<string | undefined> {
    const request = { v: 1 as const, messageId, recipients: [...recipients] };
    return (await this.#questions.scan(request, await read(), this.#timeoutMs))?.state;
  }

  /** The content is there, and an ACL will look at it: what it will want is asked at once, all beside each other. */
  askAhead({ message, scan }: WantedFacts, recipients: readonly string[]): void {
    // Who waits for it hears of what goes wrong.
    if (message) this.message()?.catch(() => undefined);
    if (scan) this.scan(recipients).catch(() => undefined);
  }

  /** What was asked until now; undefined: nothing. */
  known(): Promise<Facts> | undefined {
    return this.#spf === undefined && this.#message === undefined ? undefined : this.#answers();
  }

  async #answers(): Promise<Facts> {
    const spf = await this.#spf;
    return { ...(spf === undefined ? {} : { spf }), ...(await this.#message) };
  }

  async #askAboutMessage({ messageId, read }: ContentAtHand): Promise<MessageFacts> {
    const deadlineMs = performance.now() + this.#timeoutMs;
    const content = await read();
    const spf = await this.spf();
    const timeoutMs = Math.max(MIN_TIMEOUT_MS, Math.round(deadlineMs - performance.now()));
    return this.#questions.message({ v: 1, messageId, spf }, content, timeoutMs);
  }
}

/** Late as it may be, a question gets so long: an answer at hand is better than `temperror`. */
const MIN_TIMEOUT_MS = 100;
