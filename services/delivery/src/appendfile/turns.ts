/**
 * One after the other, by key: what in this process writes to the same file does not meet itself at the lock file, where it
 * would wait for seconds.
 */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Keys for which something runs or waits. */
  get size(): number {
    return this.#last.size;
  }

  /**
   * Runs the work when all that came before it for the key has ended.
   *
   * @param patienceMs How long it may have to wait for that.
   * @throws {Error} what the work throws, or what `late` makes: it has waited too long, or is not wanted any more.
   */
  async take<T>(
    key: string,
    { patienceMs, signal, late }: { patienceMs: number; signal: AbortSignal; late: () => Error },
    work: () => Promise<T>,
  ): Promise<T> {
    const before = this.#last.get(key);
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    // Who gives up leaves the turn to whoever comes behind, once it has come.
    const mine = before === undefined ? ended : before.then(() => ended);
    this.#last.set(key, mine);
    void mine.then(() => {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    });
    try {
      if (before !== undefined) await inTime(before, patienceMs, signal, late);
      return await work();
    } finally {
      end();
    }
  }
}

async function inTime(turn: Promise<void>, patienceMs: number, signal: AbortSignal, late: () => Error): Promise<void> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const give = (): void => reject(late());
  const timer = setTimeout(give, patienceMs);
  signal.addEventListener("abort", give, { once: true });
  if (signal.aborted) give();
  try {
    await Promise.race([turn, tooLate]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", give);
  }
}
