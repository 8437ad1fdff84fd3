import { AFTER_ALL, type Row, type RowRange } from "./row.ts";

type Value = Buffer | string | undefined;

/** Changes of a table that are committed and not in its file yet; undefined is a key that has gone. */
export class Overlay {
  #fresh = new Map<string, Value>();
  /** Those that are being written to the file. */
  #settling: ReadonlyMap<string, Value> = NONE;

  get isEmpty(): boolean {
    return this.#fresh.size === 0 && this.#settling.size === 0;
  }

  has(key: string): boolean {
    return this.#fresh.has(key) || this.#settling.has(key);
  }

  get(key: string): Value {
    return this.#fresh.has(key) ? this.#fresh.get(key) : this.#settling.get(key);
  }

  /** The greatest one that has a value. */
  lastKey(): string | undefined {
    let last: string | undefined;
    for (const key of [...this.#settling.keys(), ...this.#fresh.keys()]) {
      if ((last === undefined || key > last) && this.get(key) !== undefined) last = key;
    }
    return last;
  }

  set(key: string, value: Value): void {
    this.#fresh.set(key, value);
  }

  /** What has come until now is to be written to the file. `settled` or `unsettled` must follow. */
  settle(): void {
    this.#settling = this.#fresh;
    this.#fresh = new Map();
  }

  /** What is to be written. */
  get settling(): ReadonlyMap<string, Value> {
    return this.#settling;
  }

  settled(): void {
    this.#settling = NONE;
  }

  /** It could not be written. */
  unsettled(): void {
    this.#fresh = new Map([...this.#settling, ...this.#fresh]);
    this.#settling = NONE;
  }

  /** The rows of the file, which come in order, with the changes. Only upwards. */
  *over(rows: Iterable<Row>, { start, end = AFTER_ALL, limit = Number.POSITIVE_INFINITY }: RowRange): Generator<Row> {
    const keys = new Set([...this.#settling.keys(), ...this.#fresh.keys()]);
    const changed = [...keys].filter((key) => key >= start && key < end).sort();
    let left = limit;
    let at = 0;
    /** Of the changes before a key of the file; without one, of all. */
    const before = (key: string | undefined): Row | undefined => {
      for (let next = changed[at]; next !== undefined && (key === undefined || next < key); next = changed[++at]) {
        const value = this.get(next);
        if (value === undefined) continue;
        at++;
        return { key: next, value: octetsOf(value) };
      }
      return undefined;
    };
    if (left <= 0) return;
    for (const row of rows) {
      for (let own = before(row.key); own !== undefined; own = before(row.key)) {
        yield own;
        if (--left === 0) return;
      }
      if (keys.has(row.key)) continue;
      yield row;
      if (--left === 0) return;
    }
    for (let own = before(undefined); own !== undefined && left-- > 0; own = before(undefined)) yield own;
  }
}

/** As the file gives it. */
export const octetsOf = (value: Buffer | string): Buffer => (typeof value === "string" ? Buffer.from(value) : value);

const NONE: ReadonlyMap<string, Value> = new Map();
