import type { RequestOptions, RequestReply } from "@postbus/bus";
import {
  type Content,
  isBusyAnswer,
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
import { DeferError, domainOf } from "@postbus/mail";
import type { Logger } from "pino";
import { Compile } from "typebox/compile";
import { BusyError } from "./busy-error.ts";

const spfAnswers = Compile(SpfAnswer);
const messageAnswers = Compile(MessageAnswer);
const scanAnswers = Compile(ScanAnswer);

/** What is written where no answer came: it is neither good nor bad, and it is not silence. */
const NO_ANSWER = "no answer";

/** One line in this time is enough to see that answers are missing. */
const QUIET_MS = 1_000;

/** What lies between the engine's time and that of the question: the bus, and the spool. */
const SCAN_GRACE_MS = 2_000;

type AskOptions = Pick<RequestOptions, "timeoutMs" | "signal">;

/**
 * Asks verifier and scanner about a message. What verifier does not know in time is a `temperror`, which policy may act on,
 * and never a reason to refuse mail by itself; without a verdict of scanner a condition cannot be decided.
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

  async spf(question: SpfRequest, options: AskOptions): Promise<Pick<SpfAnswer, "spf" | "reason">> {
    const answer = await this.#ask(verifySpfSubject, question, options, spfAnswers);
    if (answer !== undefined) return answer;
    const domain = domainOf(question.returnPath) || question.helo;
    return { spf: { result: "temperror", domain, comment: NO_ANSWER } };
  }

  /** @throws {BusyError} the client asks too much: it could choose not to be judged if that were a fact. */
  async message(
    question: MessageRequest,
    content: Content,
    options: AskOptions,
  ): Promise<Pick<MessageAnswer, "dkim" | "dmarc" | "dmarcDetail" | "signatures" | "arc">> {
    const answer = await this.#ask(verifyMessageSubject, question, { ...options, content }, messageAnswers);
    if (answer !== undefined && isBusyAnswer(answer)) {
      this.#warn(verifyMessageSubject, answer.dmarc.comment);
      throw new BusyError("verifier", answer.dmarc.comment ?? "");
    }
    if (answer !== undefined) return answer;
    return {
      dkim: [{ result: "temperror", domain: "", selector: "", comment: NO_ANSWER }],
      dmarc: { result: "temperror", domain: "", comment: NO_ANSWER },
    };
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
