import type { MailEvent } from "@postbus/contracts";
import type { Table } from "./table.ts";

type Value = Buffer | string;

/**
 * What the next commit will change: every change of the group adds to it and sees what the earlier ones did. Nothing of
 * it is in the file until `write`, so a change that cannot be made leaves no trace.
 */
export class Draft {
  readonly events: MailEvent[] = [];
  readonly #changes = new Map<Table, Map<string, Value | undefined>>();
  /** By how much the number of entries grows. */
  readonly #growth = new Map<Table, number>();

  get isEmpty(): boolean {
    return this.#changes.size === 0 && this.events.length === 0;
  }

  get(table: Table, key: string): Value | undefined {
    const changed = this.#changes.get(table);
    return changed?.has(key) === true ? changed.get(key) : table.get(key);
  }

  has(table: Table, key: string): boolean {
    const changed = this.#changes.get(table);
    return changed?.has(key) === true ? changed.get(key) !== undefined : table.has(key);
  }

  /** A new entry, known not to be there. */
  add(table: Table, key: string, value: Value): void {
    this.replace(table, key, value);
    this.#growth.set(table, (this.#growth.get(table) ?? 0) + 1);
  }

  /** Removes an entry that is known to be there. */
  take(table: Table, key: string): void {
    this.drop(table, key);
    this.#growth.set(table, (this.#growth.get(table) ?? 0) - 1);
  }

  /** Whether there was one or not; for tables that nobody counts. */
  replace(table: Table, key: string, value: Value): void {
    this.#changesOf(table).set(key, value);
  }

  /** Whether there was one or not; for tables that nobody counts. */
  drop(table: Table, key: string): void {
    this.#changesOf(table).set(key, undefined);
  }

  /** Only inside a batch. */
  write(): void {
    for (const [table, changes] of this.#changes) {
      for (const [key, value] of changes) table.write(key, value);
    }
  }

  /** After the commit. */
  account(): void {
    for (const [table, growth] of this.#growth) table.count += growth;
  }

  #changesOf(table: Table): Map<string, Value | undefined> {
    let changes = this.#changes.get(table);
    if (changes === undefined) {
      changes = new Map();
      this.#changes.set(table, changes);
    }
    return changes;
  }
}
