/** A number of places, each for one at a time; who comes when all are taken waits, the first first. */
export class Places {
  readonly #count: number;
  #taken = 0;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#count = count;
  }

  get taken(): number {
    return this.#taken;
  }

  /** @throws the signal's reason, if it comes before a place is free. */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#taken < this.#count) {
      this.#taken += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const given = (): void => {
        signal.removeEventListener("abort", gaveUp);
        resolve();
      };
      const gaveUp = (): void => {
        this.#waiting.delete(given);
        reject(signal.reason);
      };
      signal.addEventListener("abort", gaveUp, { once: true });
      this.#waiting.add(given);
    });
  }

  /** The place goes to who has waited longest. */
  give(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#taken -= 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
