import { ExpansionDefer } from "../expansion/failures.ts";

/** Those who wait; above it, none of them would have its turn in time. */
const MAX_WAITING = 1_000;

/** So many may be in at one time; the others wait for their turn. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** @throws {ExpansionDefer} its time is over, or too many wait. */
  async enter(signal: AbortSignal): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    if (this.#waiting.length >= MAX_WAITING) throw new ExpansionDefer("too many actions wait for their turn");
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const give = () => resolve();
    const giveUp = () => {
      this.#waiting.splice(this.#waiting.indexOf(give), 1);
      reject(new ExpansionDefer("no time left before its turn"));
    };
    this.#waiting.push(give);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
