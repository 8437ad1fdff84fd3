import type { LoadReading } from "./load-probe.ts";

/** `crowded`: only for `smtp_reserve_hosts`; `overloaded`: no mail either, from those who are connected already. */
export type LoadLevel = "normal" | "crowded" | "overloaded";

/** From where on a gateway is crowded, and overloaded; 0: never for this. */
export interface LoadMarks {
  /** Milliseconds that the event loop is late on average. */
  readonly delayMs: readonly [crowded: number, overloaded: number];
  /** Percent of the memory that the process may have. */
  readonly memoryPercent: readonly [crowded: number, overloaded: number];
}

const LEVELS: readonly LoadLevel[] = ["normal", "crowded", "overloaded"];

/** So many readings above a mark make a level: one long task or collection of garbage is none. */
const READINGS_TO_RISE = 2;
/** So many readings below this share of the mark end it: what was turned away comes again at once. */
const READINGS_TO_FALL = 5;
const SHARE_TO_FALL = 0.8;

/** How loaded the process is, by readings that come at regular times. It rises and falls with delay, to not flap. */
export class LoadGauge {
  readonly #marks: LoadMarks;
  #rank = 0;
  #above = 0;
  #below = 0;
  #problem = "";

  constructor(marks: LoadMarks) {
    this.#marks = marks;
  }

  get level(): LoadLevel {
    return LEVELS[this.#rank] ?? "normal";
  }

  /** 0, 1, 2: for metrics. */
  get rank(): number {
    return this.#rank;
  }

  /** What was too much when the level rose, for people; empty: nothing is. */
  get problem(): string {
    return this.#rank === 0 ? "" : this.#problem;
  }

  /** @returns Whether the level has changed. */
  add(reading: LoadReading): boolean {
    const before = this.#rank;
    const rank = this.#rankOf(reading, 1);
    this.#above = rank > before ? this.#above + 1 : 0;
    if (this.#above >= READINGS_TO_RISE) {
      this.#rank = rank;
      this.#above = 0;
      this.#problem = `event loop ${Math.round(reading.delayMs)} ms late, ${Math.round(reading.memoryPercent)} % of memory`;
    }
    this.#below = this.#rankOf(reading, SHARE_TO_FALL) < before ? this.#below + 1 : 0;
    if (this.#below >= READINGS_TO_FALL) {
      this.#rank = before - 1;
      this.#below = 0;
    }
    return this.#rank !== before;
  }

  /** @param share Of the marks. */
  #rankOf({ delayMs, memoryPercent }: LoadReading, share: number): number {
    const { delayMs: delays, memoryPercent: memory } = this.#marks;
    const isAbove = (value: number, mark: number): boolean => mark > 0 && value > mark * share;
    if (isAbove(delayMs, delays[1]) || isAbove(memoryPercent, memory[1])) return 2;
    return isAbove(delayMs, delays[0]) || isAbove(memoryPercent, memory[0]) ? 1 : 0;
  }
}
