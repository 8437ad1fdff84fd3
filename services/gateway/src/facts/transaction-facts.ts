import {
  type ArcFact,
  type Content,
  type DkimLimits,
  type DkimSignature,
  type Facts,
  isUncheckedDmarc,
  type MessageAnswer,
  type MessageRequest,
  type ScanRequest,
  type ScanVerdict,
  SPF_QUERIES,
  type SpfAnswer,
  type SpfFact,
  type SpfRequest,
  USUAL_HEADER_OCTETS,
} from "@postbus/contracts";
import { DeferError, domainOf } from "@postbus/mail";
import type { WantedFacts } from "@postbus/policy";
import type { JudgedDmarc } from "./dmarc-fact.ts";
import type { FactQuestions } from "./fact-questions.ts";
import { NoAnswerError } from "./no-answer-error.ts";
import { scannedHeader } from "./scanned-header.ts";

/** Who answers. */
type Questions = Pick<FactQuestions, "spf" | "message" | "scan">;
type SpfFindings = Pick<SpfAnswer, "spf" | "reason">;
type MessageFacts = Pick<Facts, "dkim" | "dmarc" | "arc">;
type Answer = Omit<MessageAnswer, "v">;

/** What travels with a message that the policy has taken without an answer: it is neither good nor bad, and it is not silence. */
const NO_ANSWER = { result: "temperror", domain: "", comment: "no answer" } as const;
/** What is said where nothing is to be looked at. */
const NOTHING: Answer = { dkim: [], dmarc: { result: "none", domain: "" }, signatures: [] };

/** Of whom and what is asked. */
interface Asked {
  readonly clientAddress: string;
  readonly helo: string;
  readonly returnPath: string;
}

interface ContentAtHand {
  readonly messageId: string;
  /** The policy asks about each signature. */
  readonly wantsSignatures: boolean;
  /** The log tells how long each signature is. */
  readonly wantsSignatureBits: boolean;
  /** Octets of the header section as it came, its blank line included. */
  readonly headerOctets: () => number;
  /** What the policy takes for a signature; undefined: as usual. */
  readonly dkimLimits: DkimLimits | undefined;
  /** The policy has turned off that signatures are verified. */
  readonly isDkimOff: boolean;
  /** Nothing is to be said of DMARC; a later ACL may still say so. */
  readonly isDmarcOff: () => boolean;
  /** The policy asks about the chain of seals. */
  readonly wantsArc: boolean;
  /** The policy asks for DMARC. */
  readonly wantsDmarcDetail: boolean;
  /** For DMARC by RFC 7489. */
  readonly suffixFile: (() => Promise<string> | string) | undefined;
  readonly read: () => Promise<Content>;
}

/** What the policy wants to know about the transaction that runs: each thing is asked when it is wanted, and once. */
export class TransactionFacts {
  readonly #questions: Questions;
  readonly #timeoutMs: number;
  readonly #asked: Asked;
  #spf: Promise<SpfFindings> | undefined;
  #guess: { readonly record: string; readonly answer: Promise<SpfFindings> } | undefined;
  #message: Promise<Answer> | undefined;
  #content: ContentAtHand | undefined;
  #hasJudgedDmarc = false;
  #spfResult: string | undefined;
  /** DNS queries that the answers have cost: there is one budget for a message. */
  #spentQueries = 0;
  /** Questions about SPF of which it is not known yet. */
  #openSpf = 0;
  /** Of what is asked. */
  #asking: AbortController | undefined;

  constructor(questions: Questions, timeoutMs: number, asked: Asked) {
    this.#questions = questions;
    this.#timeoutMs = timeoutMs;
    this.#asked = asked;
  }

  /** IP address of whom the message comes from. */
  get clientAddress(): string {
    return this.#asked.clientAddress;
  }

  /** The transaction is over: what is still asked about it is of no use to anybody. */
  end(): void {
    this.#asking?.abort();
  }

  /** How a question is asked. */
  #options(timeoutMs = this.#timeoutMs) {
    this.#asking ??= new AbortController();
    return { timeoutMs, signal: this.#asking.signal };
  }

  /** Its content begins to come. What is asked about it may be asked when it is there as a whole, not before. */
  contentIsThere(content: ContentAtHand): void {
    this.#content = content;
  }

  /** @throws {NoAnswerError} */
  spf(): Promise<SpfFindings> {
    if (this.#spf === undefined) {
      this.#spf = this.#askSpf();
      // It may be asked before anybody waits for it; who does hears of what goes wrong.
      this.#spf.catch(() => undefined);
    }
    return this.#spf;
  }

  /** What SPF has said, if that is known by now. */
  get spfResult(): string | undefined {
    return this.#spfResult;
  }

  async #askSpf(): Promise<SpfFindings> {
    const found = await this.#askOneSpf({});
    this.#spfResult = found.spf.result;
    return found;
  }

  async #askOneSpf(about: Pick<SpfRequest, "record">): Promise<SpfFindings> {
    const question = { v: 1, ...this.#asked, ...about, wantsReason: true, spentQueries: this.#spentQueries } as const;
    this.#openSpf += 1;
    try {
      const { queries = 0, ...found } = await this.#questions.spf(question, this.#options());
      this.#spentQueries += queries;
      return found;
    } finally {
      this.#openSpf -= 1;
    }
  }

  /** What SPF would say if the domain had this record. */
  spfGuess(record: string): Promise<SpfFindings> {
    if (this.#guess?.record === record) return this.#guess.answer;
    const answer = this.#askGuess(record);
    this.#guess = { record, answer };
    return answer;
  }

  async #askGuess(record: string): Promise<SpfFindings> {
    // One after the other, since they share a budget.
    await this.#message?.catch(() => undefined);
    return this.#askOneSpf({ record });
  }

  /** The chain of seals. Undefined before the content is there, and if nobody knows. @throws {NoAnswerError} */
  async arc(): Promise<ArcFact | undefined> {
    return (await this.#answerWith("wantsArc"))?.arc;
  }

  /** For the policy: it has asked. Undefined before the content is there. @throws {NoAnswerError} */
  async dmarc(): Promise<JudgedDmarc | undefined> {
    const answer = await this.#answer();
    if (answer === undefined) return undefined;
    if (isUncheckedDmarc(answer.dmarc)) throw new NoAnswerError("verifier", answer.dmarc.comment ?? "no DMARC");
    // It may be open since nobody has said anything about SPF.
    if (answer.dmarc.result === "temperror") await this.spf();
    this.#hasJudgedDmarc = true;
    return { fact: answer.dmarc, detail: answer.dmarcDetail };
  }

  /** The policy has asked for it, and there was an answer. */
  get hasJudgedDmarc(): boolean {
    return this.#hasJudgedDmarc;
  }

  /** As below, for the log. */
  async signaturesIfKnown(): Promise<readonly DkimSignature[]> {
    return (await ifAnswered(this.signatures())) ?? [];
  }

  /** All signatures, as the policy takes them. Undefined before the content is there. @throws {NoAnswerError} */
  async signatures(): Promise<readonly DkimSignature[] | undefined> {
    return (await this.#answerWith("wantsSignatures"))?.signatures;
  }

  /**
   * An engine's verdict about the content.
   *
   * @param lines The header section as it is by now, each line with its name, folded with LF.
   * @throws {DeferError} there is none, for now.
   */
  async scan(
    asked: Pick<ScanRequest, "client" | "returnPath" | "recipients" | "task" | "timeoutMs">,
    lines: readonly string[],
  ): Promise<ScanVerdict> {
    if (this.#content === undefined) throw new DeferError(asked.task.engine, "the message is not there yet");
    const { messageId, headerOctets, read } = this.#content;
    const content = await read();
    const header = scannedHeader(lines, headerOctets());
    return this.#questions.scan({ v: 2, messageId, header, ...asked }, content, this.#options().signal);
  }

  /** The content is there, and an ACL will look at it: what it will want is asked at once, all beside each other. */
  askAhead({ message }: WantedFacts): void {
    // Who waits for it hears of what goes wrong.
    if (message) this.#answer()?.catch(() => undefined);
  }

  /** What was asked until now; undefined: nothing. */
  known(): Promise<Facts> | undefined {
    return this.#spf === undefined && this.#message === undefined ? undefined : this.#answers();
  }

  async #answers(): Promise<Facts> {
    const spf = this.#spf === undefined ? undefined : ((await ifAnswered(this.#spf))?.spf ?? this.#unknownSpf());
    return { ...(spf === undefined ? {} : { spf }), ...(await this.#messageFacts()) };
  }

  async #messageFacts(): Promise<MessageFacts> {
    if (this.#message === undefined || this.#content === undefined) return {};
    const { isDkimOff, isDmarcOff } = this.#content;
    const unknown: Answer = { dkim: [{ ...NO_ANSWER, selector: "" }], dmarc: NO_ANSWER };
    const { dkim, dmarc, arc } = (await ifAnswered(this.#message)) ?? unknown;
    return {
      ...(isDkimOff ? {} : { dkim }),
      ...(isDmarcOff() ? {} : { dmarc }),
      // That there is none is not worth taking along.
      ...(arc === undefined || arc.result === "none" ? {} : { arc }),
    };
  }

  #answer(): Promise<Answer> | undefined {
    if (this.#content !== undefined) this.#message ??= this.#askAboutMessage(this.#content);
    return this.#message;
  }

  /** An answer that has something in it, which something may ask for that cannot be seen beforehand. */
  #answerWith(what: "wantsArc" | "wantsSignatures"): Promise<Answer> | undefined {
    const content = this.#content;
    if (content === undefined || content[what]) return this.#answer();
    this.#content = { ...content, [what]: true };
    this.#message = this.#askAboutMessage(this.#content);
    return this.#message;
  }

  #unknownSpf(): SpfFact {
    const { returnPath, helo } = this.#asked;
    return { ...NO_ANSWER, domain: domainOf(returnPath) || helo };
  }

  /** A name server that does not answer for the return path must leave time for the author's. */
  async #spfInTime(ms: number): Promise<{ readonly spf: SpfFact; readonly spentQueries: number }> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), ms);
    });
    try {
      const found = await Promise.race([ifAnswered(this.spf()), late]);
      const spentQueries = this.#spentQueries + this.#openSpf * SPF_QUERIES;
      return { spf: found?.spf ?? this.#unknownSpf(), spentQueries };
    } finally {
      clearTimeout(timer);
    }
  }

  async #askAboutMessage(about: ContentAtHand): Promise<Answer> {
    const { isDkimOff } = about;
    const isDmarcOff = about.isDmarcOff();
    if (isDkimOff && isDmarcOff && !about.wantsArc) return NOTHING;
    const deadlineMs = performance.now() + this.#timeoutMs;
    const {
      messageId,
      headerOctets,
      wantsSignatures,
      wantsSignatureBits,
      wantsArc,
      wantsDmarcDetail,
      dkimLimits,
      suffixFile,
      read,
    } = about;
    const content = await read();
    const { spf, spentQueries } = await this.#spfInTime(this.#timeoutMs / 2);
    const timeoutMs = Math.max(MIN_TIMEOUT_MS, Math.round(deadlineMs - performance.now()));
    const question: Omit<MessageRequest, "withinMs"> = {
      v: 1,
      messageId,
      clientAddress: this.#asked.clientAddress,
      spf,
      spentQueries,
      ...(isDkimOff ? { skipsDkim: true } : {}),
      ...(isDmarcOff ? { skipsDmarc: true } : {}),
      ...(dkimLimits === undefined ? {} : { dkimLimits }),
      ...(headerOctets() > USUAL_HEADER_OCTETS ? { headerOctets: headerOctets() } : {}),
      ...(wantsSignatures ? { wantsSignatures, wantsSignatureFaults: true } : {}),
      ...(wantsSignatureBits ? { wantsSignatureBits } : {}),
      ...(wantsArc ? { wantsArc } : {}),
      ...(wantsDmarcDetail ? { wantsDmarcDetail } : {}),
      ...(suffixFile === undefined ? {} : { suffixFile: await suffixFile() }),
    };
    const { queries = 0, ...answer } = await this.#questions.message(question, content, this.#options(timeoutMs));
    this.#spentQueries += queries;
    return answer;
  }
}

/** Undefined: nobody has said anything, and it is not needed. */
async function ifAnswered<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (err) {
    if (err instanceof NoAnswerError) return undefined;
    throw err;
  }
}

/** Late as it may be, a question gets so long: an answer at hand is better than `temperror`. */
const MIN_TIMEOUT_MS = 100;
