import {
  type ArcFact,
  type Content,
  type DkimSignature,
  type Facts,
  type MessageAnswer,
  type MessageRequest,
  type ScanRequest,
  type ScanVerdict,
  type SpfAnswer,
  type SpfFact,
  USUAL_HEADER_OCTETS,
} from "@postbus/contracts";
import { DeferError, domainOf } from "@postbus/mail";
import type { WantedFacts } from "@postbus/policy";
import { BusyError } from "./busy-error.ts";
import type { JudgedDmarc } from "./dmarc-fact.ts";
import type { FactQuestions } from "./fact-questions.ts";
import { scannedHeader } from "./scanned-header.ts";

/** Who answers. */
type Questions = Pick<FactQuestions, "spf" | "message" | "scan">;
type SpfFindings = Pick<SpfAnswer, "spf" | "reason">;
type MessageFacts = Pick<Facts, "dkim" | "dmarc" | "arc">;

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
  #message: Promise<Omit<MessageAnswer, "v">> | undefined;
  #content: ContentAtHand | undefined;
  #hasJudgedDmarc = false;
  #spfResult: string | undefined;
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

  /** The message is complete: questions about its content can be asked from now on. */
  contentIsThere(content: ContentAtHand): void {
    this.#content = content;
  }

  spf(): Promise<SpfFindings> {
    this.#spf ??= this.#askSpf();
    return this.#spf;
  }

  /** What SPF has said, if that is known by now. */
  get spfResult(): string | undefined {
    return this.#spfResult;
  }

  async #askSpf(): Promise<SpfFindings> {
    const found = await this.#questions.spf({ v: 1, ...this.#asked, wantsReason: true }, this.#options());
    this.#spfResult = found.spf.result;
    return found;
  }

  /** What SPF would say if the domain had this record. */
  spfGuess(record: string): Promise<SpfFindings> {
    if (this.#guess?.record === record) return this.#guess.answer;
    const answer = this.#questions.spf({ v: 1, ...this.#asked, record, wantsReason: true }, this.#options());
    this.#guess = { record, answer };
    return answer;
  }

  /** DKIM and DMARC, with SPF, which DMARC depends on; undefined before the content is there. */
  async message(): Promise<MessageFacts | undefined> {
    const answer = await this.#answer();
    if (answer === undefined) return undefined;
    const { dkim, dmarc, arc } = answer;
    // That there is none is not worth taking along.
    return { dkim, dmarc, ...(arc === undefined || arc.result === "none" ? {} : { arc }) };
  }

  /** The chain of seals. Undefined before the content is there, and if nobody knows. */
  async arc(): Promise<ArcFact | undefined> {
    const content = this.#content;
    if (content === undefined || content.wantsArc) return (await this.#answer())?.arc;
    // Something that cannot be seen beforehand asks for it.
    this.#message = this.#askAboutMessage({ ...content, wantsArc: true });
    this.#content = { ...content, wantsArc: true };
    return (await this.#message).arc;
  }

  /** For the policy: it has asked. Undefined before the content is there. */
  async dmarc(): Promise<JudgedDmarc | undefined> {
    const answer = await this.#answer();
    if (answer === undefined) return undefined;
    this.#hasJudgedDmarc = true;
    return { fact: answer.dmarc, detail: answer.dmarcDetail };
  }

  /** The policy has asked for it, and there was an answer. */
  get hasJudgedDmarc(): boolean {
    return this.#hasJudgedDmarc;
  }

  /** As below, for the log. */
  async signaturesIfKnown(): Promise<readonly DkimSignature[]> {
    return (await this.#messageIfKnown()) === undefined ? [] : ((await this.signatures()) ?? []);
  }

  /** Of a message that has one, all signatures. Undefined: nobody knows. */
  async signatures(): Promise<readonly DkimSignature[] | undefined> {
    const answer = await this.#answer();
    // A check that took too long has looked at none.
    return answer === undefined || answer.dkim.length === 0 ? undefined : answer.signatures;
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
    if (message) this.message().catch(() => undefined);
  }

  /** What was asked until now; undefined: nothing. */
  known(): Promise<Facts> | undefined {
    return this.#spf === undefined && this.#message === undefined ? undefined : this.#answers();
  }

  async #answers(): Promise<Facts> {
    const spf: SpfFact | undefined = (await this.#spf)?.spf;
    const message = this.#message === undefined ? undefined : await this.#messageIfKnown();
    return { ...(spf === undefined ? {} : { spf }), ...message };
  }

  async #messageIfKnown(): Promise<MessageFacts | undefined> {
    try {
      return await this.message();
    } catch (err) {
      // The policy has taken the message without an answer.
      if (err instanceof BusyError) return undefined;
      throw err;
    }
  }

  #answer(): Promise<Omit<MessageAnswer, "v">> | undefined {
    if (this.#content !== undefined) this.#message ??= this.#askAboutMessage(this.#content);
    return this.#message;
  }

  /** A name server that does not answer for the return path must leave time for the author's. */
  async #spfInTime(ms: number): Promise<SpfFindings> {
    let timer: NodeJS.Timeout | undefined;
    const { returnPath, helo } = this.#asked;
    const domain = domainOf(returnPath) || helo;
    const late = new Promise<SpfFindings>((resolve) => {
      timer = setTimeout(() => resolve({ spf: { result: "temperror", domain, comment: "no answer in time" } }), ms);
    });
    try {
      return await Promise.race([this.spf(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #askAboutMessage(about: ContentAtHand): Promise<Omit<MessageAnswer, "v">> {
    const deadlineMs = performance.now() + this.#timeoutMs;
    const {
      messageId,
      headerOctets,
      wantsSignatures,
      wantsSignatureBits,
      wantsArc,
      wantsDmarcDetail,
      suffixFile,
      read,
    } = about;
    const content = await read();
    const { spf } = await this.#spfInTime(this.#timeoutMs / 2);
    const timeoutMs = Math.max(MIN_TIMEOUT_MS, Math.round(deadlineMs - performance.now()));
    const question: MessageRequest = {
      v: 1,
      messageId,
      clientAddress: this.#asked.clientAddress,
      spf,
      ...(headerOctets() > USUAL_HEADER_OCTETS ? { headerOctets: headerOctets() } : {}),
      ...(wantsSignatures ? { wantsSignatures } : {}),
      ...(wantsSignatureBits ? { wantsSignatureBits } : {}),
      ...(wantsArc ? { wantsArc } : {}),
      ...(wantsDmarcDetail ? { wantsDmarcDetail } : {}),
      ...(suffixFile === undefined ? {} : { suffixFile: await suffixFile() }),
    };
    return this.#questions.message(question, content, this.#options(timeoutMs));
  }
}

/** Late as it may be, a question gets so long: an answer at hand is better than `temperror`. */
const MIN_TIMEOUT_MS = 100;
