import { LookupDefer } from "../lookup-defer.ts";
import type { LookupSettings } from "../lookup-settings.ts";
import type { QueryDriver, QueryLookupType, QueryRequest } from "../lookup-type.ts";
import { quoteSqlite } from "../sql/quote-sql.ts";
import { SqliteProcess } from "../sql/sqlite-process.ts";

/** Exim's `sqlite_lock_timeout`. */
const LOCK_TIMEOUT_MS = 5_000;

/** A query to a SQLite file: `${lookup sqlite,file=/path{QUERY}}`, or in the old form `${lookup sqlite{/path QUERY}}`. */
export const sqlite: QueryLookupType = {
  name: "sqlite",
  style: "query",
  quote: (text, option) => (option === undefined ? quoteSqlite(text) : undefined),
  start: driver,
};

function driver(settings: LookupSettings): QueryDriver {
  const lockTimeoutMs = settings.sqliteLockTimeoutMs ?? LOCK_TIMEOUT_MS;
  const database = new SqliteProcess({ lockTimeoutMs, timeoutMs: lockTimeoutMs + (settings.serverTimeoutMs ?? 5_000) });
  return {
    async find(text, request) {
      const { file, query } = fileAndQuery(settings.sqliteFile, text, request);
      const answer = await database.query(file, query);
      // An error of SQL is the same as no row, in Exim too; either may be the end of a statement that writes.
      return { data: answer, isWrite: answer === undefined };
    },
    close: () => database.close(),
  };
}

/** @throws {LookupDefer} with Exim's text. */
function fileAndQuery(
  usual: string | undefined,
  text: string,
  { options, isTainted }: QueryRequest,
): { readonly file: string; readonly query: string } {
  const failure = (reason: string): LookupDefer => new LookupDefer("sqlite", reason, { isOpenFailure: true });
  if (options.file !== undefined) {
    if (!options.file.startsWith("/")) throw failure('absolute file name expected for "sqlite" lookup');
    return { file: options.file, query: text };
  }
  if (text.startsWith("/")) {
    const [, file = "", query = ""] = /^([^ \t-\r]*)[ \t-\r]*(.*)$/s.exec(text) ?? [];
    if (isTainted) throw failure(`tainted filename for sqlite lookup: ${file}`);
    return { file, query };
  }
  if (usual === undefined || usual === "") throw failure('absolute file name expected for "sqlite" lookup');
  if (!usual.startsWith("/")) throw failure('absolute file name expected for "sqlite" lookup');
  return { file: usual, query: text };
}
