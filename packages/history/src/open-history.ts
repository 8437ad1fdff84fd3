import { ConfigError } from "@postbus/mail";
import type { History } from "./history.ts";
import { SqliteHistory } from "./sqlite/sqlite-history.ts";

export interface HistoryLocation {
  /** `postgres://user@host/database`; absent: SQLite in `directory`. */
  readonly databaseUrl?: string | undefined;
  /** Where `history.sqlite` is; made if it is not there. */
  readonly directory: string;
}

/**
 * Nothing is connected before the first call, so that a database that is away keeps no service from starting. Any
 * number of processes may have the same history open.
 *
 * @throws {ConfigError} the URL is none of PostgreSQL.
 */
export async function openHistory({ databaseUrl, directory }: HistoryLocation): Promise<History> {
  if (databaseUrl === undefined) return new SqliteHistory(directory);
  if (!URL.canParse(databaseUrl) || !/^postgres(ql)?:$/.test(new URL(databaseUrl).protocol)) {
    // The URL may hold a password: it is not repeated.
    throw new ConfigError("DATABASE_URL: not of the form postgres://user:password@host:port/database");
  }
  // Loaded where it is used: one machine with SQLite starts faster without it.
  const { PostgresHistory } = await import("./postgres/postgres-history.ts");
  return new PostgresHistory(databaseUrl);
}
