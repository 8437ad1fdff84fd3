/** How long a delivery waits for its turn: long enough for a burst, short enough that others are not kept waiting behind it. */
const PATIENCE_MS = 30_000;

interface Waiting {
  readonly start: () => void;
  readonly timer: NodeJS.Timeout;
}

/** Programs that run at one time in this process. */
export class ProgramSlots {
  readonly #patienceMs: number;
  readonly #waiting = new Set<Waiting>();
  #free: number;

  constructor(atOneTime: number, patienceMs = PATIENCE_MS) {
    this.#free = atOneTime;
    this.#patienceMs = patienceMs;
  }

  /** Those that wait begin in the order in which they came. @returns false: there was no room for too long. */
  async take(): Promise<boolean> {
    if (this.#free > 0) {
      this.#free--;
      return true;
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const waiting: Waiting = {
      start: () => {
        clearTimeout(waiting.timer);
        resolve(true);
      },
      timer: setTimeout(() => {
        this.#waiting.delete(waiting);
        resolve(false);
      }, this.#patienceMs),
    };
    this.#waiting.add(waiting);
    return promise;
  }

  /** Once for each `take` that was true. */
  give(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free++;
      return;
    }
    this.#waiting.delete(next);
    next.start();
  }
}
