import type { SpfFact } from "@postbus/contracts";
import type { ClientView, EnvelopeView, FactName, Policy } from "@postbus/policy";
import type { FactQuestions } from "./facts/fact-questions.ts";

/** From so many recipients on, a set finds repetitions faster than a walk along the list. */
const MANY_RECIPIENTS = 16;

/** The envelope of the transaction that runs, and which facts about it are wanted. */
export class Envelope implements EnvelopeView {
  readonly returnPath: string;
  readonly eightBit: boolean;
  readonly #recipients: string[] = [];
  #seen: Set<string> | undefined;
  #wanted: readonly FactName[] = [];
  #spf: Promise<SpfFact> | undefined;

  constructor(returnPath: string, eightBit: boolean) {
    this.returnPath = returnPath;
    this.eightBit = eightBit;
  }

  /** In order. A recipient that was named twice is in it once: it would get the message twice. Letters' cases differ (RFC 5321 §2.4). */
  get recipients(): readonly string[] {
    return this.#recipients;
  }

  /** The answer of `verify.spf`, once it is wanted; never rejects. */
  get spf(): Promise<SpfFact> | undefined {
    return this.#spf;
  }

  add(recipient: string): void {
    if (this.#seen === undefined && this.#recipients.length >= MANY_RECIPIENTS) this.#seen = new Set(this.#recipients);
    if (this.#seen?.has(recipient) ?? this.#recipients.includes(recipient)) return;
    this.#seen?.add(recipient);
    this.#recipients.push(recipient);
  }

  wants(fact: FactName): boolean {
    return this.#wanted.includes(fact);
  }

  /** Asks the policy again what it wants to know, and asks for SPF as soon as that is wanted: long before it is needed. */
  askFacts(policy: Policy, client: ClientView, questions: FactQuestions, timeoutMs: number): void {
    this.#wanted = policy.facts(client, this);
    if (this.#spf !== undefined || !this.wants("spf")) return;
    const { address: clientAddress, helo } = client;
    this.#spf = questions.spf({ v: 1, clientAddress, helo, returnPath: this.returnPath }, timeoutMs);
  }
}
