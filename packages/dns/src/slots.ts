import { DeferError } from "@postbus/mail";

/** So many at one time; the others wait in order, and when too many wait, the next one is turned away. */
export class Slots {
  #free: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];

  constructor(size: number, maxWaiting: number) {
    this.#free = size;
    this.#maxWaiting = maxWaiting;
  }

  /** @throws {DeferError} too many wait. */
  async run<R>(task: () => Promise<R>): Promise<R> {
    if (this.#free > 0) this.#free--;
    else await this.#turn();
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= this.#maxWaiting) throw new DeferError("dns", "too many questions are waiting");
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
