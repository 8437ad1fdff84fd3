import type { SmtpTransport } from "@postbus/policy";

/** Hosts remembered; those whose time has come go first, then the oldest. */
const MAX_HOSTS = 10_000;

interface Place {
  readonly isTaken: boolean;
  readonly nextAtMs: number;
}

/**
 * `max_rate` of smtp transports: so many messages to one host in a time, from all processes together. Each has its part of it, and
 * sends them evenly: as long as every process knows how many there are, no span of that length has more.
 */
export class HostRates {
  readonly #share: () => number;
  /** Milliseconds since the epoch: when the next message may go. */
  readonly #nextAtMs = new Map<string, number>();

  /** @param share In how many parts a rate is divided. */
  constructor(share: () => number) {
    this.#share = share;
  }

  /**
   * Takes a message's place, if there is one now.
   *
   * @returns when the next place is free, in milliseconds since the epoch.
   */
  take(host: string, { messages, periodMs }: NonNullable<SmtpTransport["maxRate"]>, nowMs: number): Place {
    const nextAtMs = this.#nextAtMs.get(host) ?? nowMs;
    if (nextAtMs > nowMs) return { isTaken: false, nextAtMs };
    const afterMs = nowMs + (periodMs * Math.max(1, this.#share())) / messages;
    this.#nextAtMs.delete(host);
    this.#nextAtMs.set(host, afterMs);
    if (this.#nextAtMs.size > MAX_HOSTS) this.#forget(nowMs);
    return { isTaken: true, nextAtMs: afterMs };
  }

  /** A place that nobody has made use of, if it has not passed: somebody else may have it. */
  giveBack(host: string, { nextAtMs }: Place): void {
    if (this.#nextAtMs.get(host) === nextAtMs) this.#nextAtMs.delete(host);
  }

  #forget(nowMs: number): void {
    const before = this.#nextAtMs.size;
    for (const [host, atMs] of this.#nextAtMs) if (atMs <= nowMs) this.#nextAtMs.delete(host);
    const [oldest] = this.#nextAtMs.keys();
    if (this.#nextAtMs.size === before && oldest !== undefined) this.#nextAtMs.delete(oldest);
  }
}
