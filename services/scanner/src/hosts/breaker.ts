/** Failures one behind the other that open it. */
const MAX_FAILURES = 5;
/** It stays open so long, then one question goes through. */
const OPEN_MS = 15_000;

/**
 * Keeps questions from an engine that does not answer: what waits for it would hold places that others need, and clients
 * would wait for their deadlines instead of being told at once to come back.
 */
export class Breaker {
  readonly #nowMs: () => number;
  #failures = 0;
  #openUntilMs = 0;
  #isTrying = false;
  #reason = "";

  /** @param nowMs A clock that only goes forward. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Why nobody is let through at present; undefined: whoever asks may go, and says afterwards what came of it. */
  refusal(): string | undefined {
    if (this.#failures < MAX_FAILURES) return undefined;
    if (!this.#isTrying && this.#nowMs() >= this.#openUntilMs) {
      this.#isTrying = true;
      return undefined;
    }
    return this.problem;
  }

  /** What it has met with, while it lets nobody through, or one only. */
  get problem(): string | undefined {
    if (this.#failures < MAX_FAILURES) return undefined;
    return `not asked, after ${this.#failures} failures: ${this.#reason}`;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#isTrying = false;
  }

  failed(reason: string): void {
    this.#failures += 1;
    this.#isTrying = false;
    this.#reason = reason;
    this.#openUntilMs = this.#nowMs() + OPEN_MS;
  }

  /** It came to nothing, and the engine has no part in it. */
  abandoned(): void {
    this.#isTrying = false;
  }
}
