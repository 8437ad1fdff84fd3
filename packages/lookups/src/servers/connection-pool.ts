/** What a pool keeps. */
export interface PooledConnection {
  /** It cannot be used any more. */
  readonly isBroken: boolean;
  /** Ends it at once. Never throws. */
  close(): void;
}

export interface PoolOptions<C> {
  /** @param timeoutMs What is left for connecting. */
  open(timeoutMs: number): Promise<C>;
  /** Connections at one time; who comes then waits in a queue. */
  readonly maxConnections: number;
  /** For waiting, connecting and the use itself together. */
  readonly timeoutMs: number;
}

/** A connection that nobody used for so long is closed. */
const IDLE_MS = 60_000;
/** Uses that wait; each belongs to a message in work. */
const MAX_WAITING = 10_000;
/** After a server did not answer in time, others are spared that wait for so long. */
const SILENT_MS = 1_000;

/** The time was over. */
export class PoolTimeoutError extends Error {
  override readonly name = "PoolTimeoutError";
}

/**
 * Connections to one server. Each is used by one lookup at a time: a query that changes the state of its connection
 * disturbs nobody who is under way.
 */
export class ConnectionPool<C extends PooledConnection> {
  readonly #options: PoolOptions<C>;
  readonly #idle: { readonly connection: C; readonly timer: NodeJS.Timeout }[] = [];
  readonly #used = new Set<C>();
  readonly #waiting: (() => void)[] = [];
  #slots: number;
  #silentUntilMs = 0;
  #isClosed = false;

  constructor(options: PoolOptions<C>) {
    this.#options = options;
    this.#slots = options.maxConnections;
  }

  /**
   * Uses a connection; one that was not used to the end in time is closed.
   *
   * @throws {PoolTimeoutError} and what `open` and `run` throw.
   */
  async use<R>(run: (connection: C) => Promise<R>): Promise<R> {
    const { timeoutMs } = this.#options;
    const endsAtMs = performance.now() + timeoutMs;
    if (performance.now() < this.#silentUntilMs) throw timedOut(timeoutMs);
    await this.#slot(timeoutMs);
    let connection: C | undefined;
    try {
      connection = this.#takeIdle() ?? (await this.#open(endsAtMs));
      this.#used.add(connection);
      const result = await before(endsAtMs, timeoutMs, run(connection));
      this.#keep(connection);
      return result;
    } catch (err) {
      connection?.close();
      if (err instanceof PoolTimeoutError) this.#silentUntilMs = performance.now() + SILENT_MS;
      throw err;
    } finally {
      if (connection !== undefined) this.#used.delete(connection);
      this.#release();
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const { connection, timer } of this.#idle.splice(0)) {
      clearTimeout(timer);
      connection.close();
    }
    for (const connection of this.#used) connection.close();
  }

  async #slot(timeoutMs: number): Promise<void> {
    if (this.#slots > 0) {
      this.#slots--;
      return;
    }
    if (this.#waiting.length >= MAX_WAITING) throw timedOut(timeoutMs);
    const turn = Promise.withResolvers<void>();
    this.#waiting.push(turn.resolve);
    try {
      await before(performance.now() + timeoutMs, timeoutMs, turn.promise);
    } catch (err) {
      const place = this.#waiting.indexOf(turn.resolve);
      if (place !== -1) this.#waiting.splice(place, 1);
      else this.#release(); // It got its turn at the very end of its time.
      throw err;
    }
  }

  /** The slot goes to whoever waits, or is free. */
  #release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#slots++;
    else next();
  }

  async #open(endsAtMs: number): Promise<C> {
    const { timeoutMs } = this.#options;
    const opening = this.#options.open(Math.max(1, endsAtMs - performance.now()));
    try {
      return await before(endsAtMs, timeoutMs, opening);
    } catch (err) {
      // Should it come after all, nobody wants it any more; how it fails is known.
      opening.then(
        (connection) => connection.close(),
        () => undefined,
      );
      throw err;
    }
  }

  #takeIdle(): C | undefined {
    for (let kept = this.#idle.pop(); kept !== undefined; kept = this.#idle.pop()) {
      clearTimeout(kept.timer);
      if (!kept.connection.isBroken) return kept.connection;
      kept.connection.close();
    }
    return undefined;
  }

  #keep(connection: C): void {
    if (this.#isClosed || connection.isBroken) {
      connection.close();
      return;
    }
    const timer = setTimeout(() => {
      const place = this.#idle.findIndex((kept) => kept.connection === connection);
      if (place !== -1) this.#idle.splice(place, 1);
      connection.close();
    }, IDLE_MS);
    timer.unref();
    this.#idle.push({ connection, timer });
  }
}

const timedOut = (timeoutMs: number): PoolTimeoutError => new PoolTimeoutError(`no answer in ${timeoutMs} ms`);

function before<T>(endsAtMs: number, timeoutMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(timedOut(timeoutMs)), Math.max(0, endsAtMs - performance.now()));
    void work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
