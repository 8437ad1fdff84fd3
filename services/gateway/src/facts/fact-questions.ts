import type { RequestOptions, RequestReply } from "@postbus/bus";
import {
  type Content,
  isUnchecked,
  MessageAnswer,
  type MessageRequest,
  ScanAnswer,
  type ScanRequest,
  type ScanVerdict,
  SpfAnswer,
  type SpfRequest,
  scanSubject,
  verifyMessageSubject,
  verifySpfSubject,
} from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import type { Logger } from "pino";
import { Compile } from "typebox/compile";
import { NoAnswerError } from "./no-answer-error.ts";

const spfAnswers = Compile(SpfAnswer);
const messageAnswers = Compile(MessageAnswer);
const scanAnswers = Compile(ScanAnswer);

/** One line in this time is enough to see that answers are missing. */
const QUIET_MS = 1_000;

/** What lies between the engine's time and that of the question: the bus, and the spool. */
const SCAN_GRACE_MS = 2_000;

type AskOptions = Pick<RequestOptions, "timeoutMs" | "signal">;

/**
 * Asks verifier and scanner about a message. What the DNS does not say in time is a `temperror`, an answer of verifier. Without any
 * answer, a condition cannot be decided.
 */
export class FactQuestions {
  readonly #bus: Pick<RequestReply, "request">;
  readonly #log: Logger;
  #quietUntilMs = 0;
  /** Warnings that were not written. */
  #unsaid = 0;

  constructor(bus: Pick<RequestReply, "request">, log: Logger) {
    this.#bus = bus;
    this.#log = log;
  }

  /** @throws {NoAnswerError} */
  async spf(question: Omit<SpfRequest, "withinMs">, options: AskOptions): Promise<Omit<SpfAnswer, "v">> {
    const asked: SpfRequest = { ...question, withinMs: options.timeoutMs };
    const answer = await this.#ask(verifySpfSubject, asked, options, spfAnswers);
    if (answer === undefined) throw new NoAnswerError("verifier", "no answer about SPF");
    return answer;
  }

  /** @throws {NoAnswerError} */
  async message(
    question: Omit<MessageRequest, "withinMs">,
    content: Content,
    options: AskOptions,
  ): Promise<Omit<MessageAnswer, "v">> {
    const asked: MessageRequest = { ...question, withinMs: options.timeoutMs };
    const answer = await this.#ask(verifyMessageSubject, asked, { ...options, content }, messageAnswers);
    if (answer === undefined) throw new NoAnswerError("verifier", "no answer about the message");
    if (!isUnchecked(answer)) return answer;
    const reason = answer.dmarc.comment ?? "nothing was looked at";
    this.#warn(verifyMessageSubject, reason);
    throw new NoAnswerError("verifier", reason);
  }

  /** @throws {DeferError} no verdict, for now. */
  async scan(question: ScanRequest, content: Content, signal?: AbortSignal): Promise<ScanVerdict> {
    const timeoutMs = question.timeoutMs + SCAN_GRACE_MS;
    const answer = await this.#ask(
      scanSubject,
      question,
      { timeoutMs, content, ...(signal && { signal }) },
      scanAnswers,
    );
    if (answer?.state === "scanned") return answer.verdict;
    throw new DeferError(question.task.engine, answer?.reason ?? "no answer from the scanner");
  }

  async #ask<T>(
    subject: string,
    question: object,
    options: RequestOptions,
    contract: { Check(value: unknown): value is T },
  ): Promise<T | undefined> {
    try {
      const answer = await this.#bus.request(subject, question, options);
      if (contract.Check(answer)) return answer;
      this.#log.error({ subject }, "an answer does not fit its contract");
    } catch (err) {
      if (options.signal?.aborted !== true) this.#warn(subject, err instanceof Error ? err.message : String(err));
    }
    return undefined;
  }

  /** As often as somebody can read it: clients can make it happen. */
  #warn(subject: string, reason: string | undefined): void {
    const nowMs = performance.now();
    if (nowMs < this.#quietUntilMs) {
      this.#unsaid++;
      return;
    }
    this.#log.warn({ subject, reason, unsaid: this.#unsaid }, "no answer to a question about a message");
    this.#quietUntilMs = nowMs + QUIET_MS;
    this.#unsaid = 0;
  }
}
