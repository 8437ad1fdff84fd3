/** A server that was killed has started again and taken what was waiting for it. */
const SOON_MS = 3_000;

/** What was killed when, and when copies came: which kill a duplicate follows from, for whoever looks into it. */
export class KillStory {
  readonly #kills: { readonly victim: string; readonly atMs: number }[] = [];
  readonly #arrivals = new Map<string, number[]>();
  readonly #startMs = performance.now();

  killed(victim: string): void {
    this.#kills.push({ victim, atMs: this.#now() });
  }

  /** How often one was killed soon after the other: before it could tell the other what it had in memory. */
  killedSoonAfter(victim: string, other: string): number {
    const before = this.#kills.filter((kill) => kill.victim === other);
    return this.#kills.filter(
      (kill) => kill.victim === victim && before.some(({ atMs }) => atMs <= kill.atMs && kill.atMs - atMs < SOON_MS),
    ).length;
  }

  received(key: string): void {
    const times = this.#arrivals.get(key);
    if (times === undefined) this.#arrivals.set(key, [this.#now()]);
    else times.push(this.#now());
  }

  /** `1204 gateway, 2377 nats …` */
  timeline(): string {
    return `killed: ${this.#kills.map(({ victim, atMs }) => `${atMs} ${victim}`).join(", ")}`;
  }

  /** One line for each. @param doubled Who got more copies than the client's doing explains. */
  duplicates(doubled: ReadonlySet<string>): readonly string[] {
    const lines: string[] = [];
    for (const key of doubled) {
      const times = this.#arrivals.get(key) ?? [];
      const [first = 0] = times;
      const next = this.#kills.find(({ atMs }) => atMs >= first);
      const then = next === undefined ? "no kill" : `${next.victim} killed at ${next.atMs}`;
      lines.push(`${key} came at ${times.join(", ")} ms; after the first: ${then}`);
    }
    return lines;
  }

  #now(): number {
    return Math.round(performance.now() - this.#startMs);
  }
}
