import { statSync } from "node:fs";
import { DatabaseSync, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { octetsOf, textOf } from "../utf8-octets.ts";
import { sqlData } from "./sql-rows.ts";
import { sqlStatements } from "./sql-statements.ts";
import type { SqliteQuestion, SqliteReply } from "./sqlite-messages.ts";

// The process of `SqliteProcess`: SQLite's calls hold up whoever makes them. Its argument is the lock timeout.

/** Exim's `lookup_open_max`. */
const MAX_OPEN = 25;
/** Of one answer; it becomes a string of the expansion. */
const MAX_ANSWER_OCTETS = 16 * 1024 * 1024;
/** SQLite's codes for what has nothing to do with the query: BUSY, LOCKED, NOMEM, IOERR, FULL, PROTOCOL. */
const LATER = new Set([5, 6, 7, 10, 13, 15]);

interface OpenDatabase {
  readonly database: DatabaseSync;
  /** Makes text of a number with a fraction, as SQLite writes it. */
  readonly realText: StatementSync;
  readonly version: string;
}

const lockTimeoutMs = Number(process.argv[2] ?? 0);
/** The least recently used first. */
const open = new Map<string, OpenDatabase>();

process.on("message", (question: SqliteQuestion) => process.send?.(reply(question)));
// Whoever asked is gone, or has no more questions.
process.on("disconnect", () => process.exit());

function reply({ id, file, query }: SqliteQuestion): SqliteReply {
  let database: OpenDatabase;
  try {
    database = databaseOf(file);
  } catch (err) {
    return { id, kind: "closed", reason: messageOf(err) };
  }
  try {
    return { id, kind: "data", data: dataOf(database, query) };
  } catch (err) {
    const code = err instanceof Error && "errcode" in err && typeof err.errcode === "number" ? err.errcode & 0xff : 0;
    return { id, kind: LATER.has(code) ? "later" : "refused", reason: messageOf(err) };
  }
}

const messageOf = (err: unknown): string => (err instanceof Error ? err.message : String(err));

function databaseOf(file: string): OpenDatabase {
  const known = open.get(file);
  open.delete(file);
  const kept = known !== undefined && known.version === versionOf(file) ? known : opened(file);
  if (known !== undefined && known !== kept) known.database.close();
  open.set(file, kept);
  for (const [oldest, { database }] of open) {
    if (open.size <= MAX_OPEN) break;
    database.close();
    open.delete(oldest);
  }
  return kept;
}

function opened(file: string): OpenDatabase {
  const database = new DatabaseSync(textOf(file) ?? file, { timeout: lockTimeoutMs });
  const realText = database.prepare("SELECT CAST(? AS TEXT)");
  realText.setReturnArrays(true); // The types do not know that rows are arrays then.
  return { database, realText, version: versionOf(file) };
}

/** Another file may have taken the place of the one that is open. */
function versionOf(file: string): string {
  const stats = statSync(Buffer.from(file, "latin1"), { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? "" : `${stats.dev}:${stats.ino}`;
}

/** The rows of all statements, one below the other, each by its own columns. */
function dataOf({ database, realText }: OpenDatabase, query: string): string | undefined {
  const answers: string[] = [];
  let octets = 0;
  for (const text of sqlStatements(query)) {
    const statement = database.prepare(textOf(text) ?? text);
    statement.setReturnArrays(true);
    statement.setReadBigInts(true);
    const columns = statement.columns().map(({ name }) => octetsOf(name));
    for (const row of statement.iterate() as Iterable<unknown>) {
      if (!Array.isArray(row)) continue;
      const data = sqlData({ columns, rows: [row.map((value: SQLOutputValue) => valueText(value, realText))] }) ?? "";
      octets += data.length + 1;
      if (octets > MAX_ANSWER_OCTETS) throw new Error(`the answer has more than ${MAX_ANSWER_OCTETS} octets`);
      answers.push(data);
    }
  }
  return answers.length === 0 ? undefined : answers.join("\n");
}

/** As SQLite's own interface for C gives it: a string that ends at the first zero octet. */
function valueText(value: SQLOutputValue, realText: StatementSync): string {
  if (value === null) return "<NULL>";
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number") {
    const row: unknown = realText.get(value);
    return Array.isArray(row) ? String(row[0]) : String(value);
  }
  const octets = typeof value === "string" ? octetsOf(value) : Buffer.from(value).toString("latin1");
  const zero = octets.indexOf("\0");
  return zero === -1 ? octets : octets.slice(0, zero);
}
