/** How often the deadlines of all connections are looked at, and so how coarse they are. */
export const TICK_MS = 1_000;

/** Monotonic milliseconds, moved on by the one timer that all connections share: reading it costs nothing. */
export class CoarseClock {
  #nowMs = performance.now();

  get nowMs(): number {
    return this.#nowMs;
  }

  tick(): void {
    this.#nowMs = performance.now();
  }
}
