/** Messages one behind the other with which it has failed, until it is looked whether that is the messages' fault. */
const MAX_FAILURES = 5;
/** It stays open so long, then it is looked again. */
const OPEN_MS = 15_000;

/**
 * Keeps questions from an engine that does not answer: what waits for it would hold places that others need, and clients
 * would wait for their deadlines instead of being told at once to come back.
 *
 * A stranger may send what an engine chokes on. So one message that comes often is one, and after five it is a small message
 * of our own that decides: only with an engine that does not answer about that one, nobody else's is left unlooked at.
 */
export class Breaker {
  readonly #nowMs: () => number;
  /** Since the last success. */
  readonly #failedWith = new Set<string>();
  #failures = 0;
  #openUntilMs: number | undefined;
  #probing: Promise<void> | undefined;
  #reason = "";

  /** @param nowMs A clock that only goes forward. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /**
   * Whether a question may go to the engine. Who asks when it is in doubt waits for the probe.
   *
   * @param probe Asks the engine something easy, within seconds; throws why that has failed.
   * @returns why nobody is let through at present; undefined: whoever asks may go, and says afterwards what came of it.
   */
  async refusal(probe: () => Promise<void>): Promise<string | undefined> {
    const openUntilMs = this.#openUntilMs;
    if (openUntilMs === undefined && this.#failedWith.size < MAX_FAILURES) return undefined;
    if (openUntilMs !== undefined && (this.#probing !== undefined || this.#nowMs() < openUntilMs)) return this.problem;
    this.#probing ??= this.#probe(probe);
    await this.#probing;
    return this.problem;
  }

  /** What it has met with, while it lets nobody through. */
  get problem(): string | undefined {
    if (this.#openUntilMs === undefined) return undefined;
    return `not asked, after ${this.#failures} failures: ${this.#reason}`;
  }

  succeeded(): void {
    this.#failedWith.clear();
    this.#failures = 0;
    this.#openUntilMs = undefined;
  }

  /** @param message Names what it has failed with. */
  failed(reason: string, message: string): void {
    this.#failures += 1;
    this.#reason = reason;
    if (this.#failedWith.size < MAX_FAILURES) this.#failedWith.add(message);
  }

  async #probe(probe: () => Promise<void>): Promise<void> {
    try {
      await probe();
      this.succeeded();
    } catch (err) {
      this.#failures += 1;
      this.#reason = err instanceof Error ? err.message : String(err);
      this.#openUntilMs = this.#nowMs() + OPEN_MS;
    } finally {
      this.#probing = undefined;
    }
  }
}
