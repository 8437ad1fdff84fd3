/** A host that puts off so many messages one after the other is overloaded, whatever it says; 421 says it at once (RFC 5321 §3.8). */
const MANY = 10;
const FIRST_REST_MS = 30_000;
const MAX_REST_MS = 600_000;
/** Hosts remembered; the oldest goes first. */
const MAX_HOSTS = 1_000;

interface Rest {
  putOff: number;
  restMs: number;
  untilMs: number;
}

/** Back-off of this process from hosts that can be reached and put messages off. */
export class HostRests {
  readonly #rests = new Map<string, Rest>();

  /** Milliseconds since the epoch until which nothing is to be sent there; undefined: it may be. */
  until(host: string, nowMs: number): number | undefined {
    if (this.#rests.size === 0) return undefined;
    const untilMs = this.#rests.get(host)?.untilMs ?? 0;
    return untilMs > nowMs ? untilMs : undefined;
  }

  /** It has put a whole message off: 4xx to MAIL, to DATA or to the final dot. */
  putOff(host: string, text: string, nowMs: number): void {
    const rest = this.#rests.get(host) ?? { putOff: 0, restMs: 0, untilMs: 0 };
    // What was under way when it began is no further sign.
    if (rest.untilMs > nowMs) return;
    rest.putOff++;
    this.#rests.delete(host);
    this.#rests.set(host, rest);
    if (this.#rests.size > MAX_HOSTS) this.#forgetOldest();
    if (rest.putOff < MANY && !/: 421[ -]/.test(text)) return;
    rest.putOff = 0;
    rest.restMs = Math.min(rest.restMs * 2 || FIRST_REST_MS, MAX_REST_MS);
    rest.untilMs = nowMs + rest.restMs;
  }

  /** It has taken a message. */
  took(host: string): void {
    if (this.#rests.size > 0) this.#rests.delete(host);
  }

  #forgetOldest(): void {
    for (const host of this.#rests.keys()) {
      this.#rests.delete(host);
      return;
    }
  }
}
