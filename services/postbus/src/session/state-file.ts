import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Entry, KeyValue } from "@postbus/bus";

/** Another session that writes is waited for so long. */
const BUSY_MS = 5_000;

/**
 * What one session leaves for the next: rates, times. A file of its own in the data directory, which several sessions may
 * use at one time, next to the services.
 */
export class StateFile implements Pick<KeyValue, "get" | "create" | "update"> {
  readonly #database: DatabaseSync;
  readonly #now: () => number;

  constructor(directory: string, now: () => number = Date.now) {
    mkdirSync(directory, { recursive: true });
    this.#now = now;
    this.#database = new DatabaseSync(join(directory, "session-state.sqlite"));
    this.#database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    this.#database.exec(
      "CREATE TABLE IF NOT EXISTS entry (key TEXT PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL, expires INTEGER NOT NULL)",
    );
    this.#database.prepare("DELETE FROM entry WHERE expires <= ?").run(this.#now());
  }

  async get(key: string): Promise<Entry | undefined> {
    const found = this.#database
      .prepare("SELECT value, revision FROM entry WHERE key = ? AND expires > ?")
      .get(key, this.#now());
    if (found === undefined) return undefined;
    const { value, revision } = found;
    return { key, value: JSON.parse(String(value)), revision: Number(revision) };
  }

  async create(key: string, value: unknown, options: { readonly ttlMs?: number } = {}): Promise<number | undefined> {
    const statement = this.#database.prepare(
      "INSERT INTO entry VALUES (?, ?, 1, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, " +
        "revision = entry.revision + 1, expires = excluded.expires WHERE entry.expires <= ? RETURNING revision",
    );
    return revisionOf(statement.get(key, JSON.stringify(value), this.#expires(options), this.#now()));
  }

  async update(
    key: string,
    value: unknown,
    revision: number,
    options: { readonly ttlMs?: number } = {},
  ): Promise<number | undefined> {
    const statement = this.#database.prepare(
      "UPDATE entry SET value = ?, revision = revision + 1, expires = ? WHERE key = ? AND revision = ? RETURNING revision",
    );
    return revisionOf(statement.get(JSON.stringify(value), this.#expires(options), key, revision));
  }

  close(): void {
    this.#database.close();
  }

  #expires({ ttlMs }: { readonly ttlMs?: number }): number {
    return ttlMs === undefined ? Number.MAX_SAFE_INTEGER : this.#now() + Math.ceil(ttlMs);
  }
}

const revisionOf = (row: Readonly<Record<string, unknown>> | undefined): number | undefined =>
  row === undefined ? undefined : Number(row["revision"]);
