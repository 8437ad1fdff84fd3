/** RFC 9520 §3.2: at least one second; a domain that comes back is seen soon. */
const FIRST_MS = 1_000;
/** RFC 9520 §3.2: at most five minutes. */
const LONGEST_MS = 300_000;
/** Each takes about 300 octets, whatever its name. */
const MAX_ENTRIES = 10_000;

interface Failure {
  readonly reason: string;
  readonly untilMs: number;
  readonly spanMs: number;
}

/**
 * Questions to which there was no answer (RFC 9520): they are not asked again for a while, which doubles with each failure
 * that follows, so that a domain whose servers are dead costs nobody its whole deadline again and again.
 */
export class FailureCache {
  readonly #failures = new Map<string, Failure>();
  readonly #now: () => number;

  /** @param now Milliseconds; monotonic. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Why there is no use in asking now; undefined: it may be asked. */
  get(key: string): string | undefined {
    const failure = this.#failures.get(key);
    return failure !== undefined && this.#now() < failure.untilMs ? failure.reason : undefined;
  }

  /** It has failed, once more. */
  add(key: string, reason: string): void {
    const before = this.#failures.get(key);
    const nowMs = this.#now();
    const isStillRemembered = before !== undefined && nowMs < before.untilMs + LONGEST_MS;
    const spanMs = isStillRemembered ? Math.min(2 * before.spanMs, LONGEST_MS) : FIRST_MS;
    this.#failures.delete(key);
    this.#failures.set(key, { reason, spanMs, untilMs: nowMs + spanMs });
    if (this.#failures.size <= MAX_ENTRIES) return;
    // A Map keeps the order of insertion: the one that failed the longest time ago.
    for (const oldest of this.#failures.keys()) {
      this.#failures.delete(oldest);
      break;
    }
  }

  /** There was an answer. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  get size(): number {
    return this.#failures.size;
  }
}
