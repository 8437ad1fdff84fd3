import type { Answer } from "./answer.ts";

interface Entry {
  readonly answer: Answer;
  readonly expiresAtMs: number;
  readonly octets: number;
}

/** What an entry costs beside its packet: key, objects, the Map's slot. Measured, rounded up. */
const ENTRY_OCTETS = 500;

/**
 * Answers until their TTL is over, those that say "there is none" included (RFC 2308). When it is full, the entry that
 * was not used for the longest time goes.
 */
export class AnswerCache {
  readonly #entries = new Map<string, Entry>();
  readonly #maxOctets: number;
  readonly #now: () => number;
  #octets = 0;

  /** @param maxOctets Memory for all entries. @param now Milliseconds; monotonic. */
  constructor(maxOctets: number, now: () => number) {
    this.#maxOctets = maxOctets;
    this.#now = now;
  }

  get(key: string): Answer | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    const remainingMs = entry.expiresAtMs - this.#now();
    if (remainingMs <= 0) {
      this.#octets -= entry.octets;
      return undefined;
    }
    // Behind all others again: a Map keeps the order of insertion.
    this.#entries.set(key, entry);
    return { ...entry.answer, ttlSeconds: Math.ceil(remainingMs / 1000) };
  }

  /** @param packetOctets Size of the packet that brought it. */
  set(key: string, answer: Answer, packetOctets: number): void {
    if (answer.ttlSeconds <= 0) return;
    this.#remove(key);
    const octets = packetOctets + ENTRY_OCTETS;
    this.#entries.set(key, { answer, expiresAtMs: this.#now() + answer.ttlSeconds * 1000, octets });
    this.#octets += octets;
    for (const oldest of this.#entries.keys()) {
      if (this.#octets <= this.#maxOctets) break;
      this.#remove(oldest);
    }
  }

  #remove(key: string): void {
    this.#octets -= this.#entries.get(key)?.octets ?? 0;
    this.#entries.delete(key);
  }

  get size(): number {
    return this.#entries.size;
  }
}
