/** How many octets of messages may be in memory at one time, so that many large senders cannot exhaust the process. */
export class OctetBudget {
  readonly #limit: number;
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @returns Whether there was room. */
  take(octets: number): boolean {
    if (this.#used + octets > this.#limit) return false;
    this.#used += octets;
    return true;
  }

  give(octets: number): void {
    this.#used -= octets;
  }

  get used(): number {
    return this.#used;
  }
}
