/** Something that waits with a deadline. */
export interface Swept {
  /** Called at every sweep. @param nowMs Of the monotonic clock. */
  sweep(nowMs: number): void;
}

/**
 * One coarse timer for all deadlines. Timeouts of SMTP are minutes; a timer for each command of each connection would
 * cost more than the command.
 */
export class DeadlineSweep {
  /** Monotonic, as of the last sweep: what a deadline is counted from costs no system call. */
  nowMs = performance.now();
  /** The process ends soon: who can stop without a message's fate becoming unknown, stops at the next sweep. */
  isHurried = false;
  readonly intervalMs: number;
  readonly #swept = new Set<Swept>();
  readonly #timer: NodeJS.Timeout;

  constructor(intervalMs = 250) {
    this.intervalMs = intervalMs;
    this.#timer = setInterval(() => this.#run(), intervalMs);
    this.#timer.unref();
  }

  /** @returns The time by which it has passed for sure, the interval included. */
  deadline(timeoutMs: number): number {
    return this.nowMs + timeoutMs + this.intervalMs;
  }

  add(swept: Swept): void {
    this.#swept.add(swept);
  }

  remove(swept: Swept): void {
    this.#swept.delete(swept);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #run(): void {
    this.nowMs = performance.now();
    for (const swept of this.#swept) swept.sweep(this.nowMs);
  }
}
