import { type Connection, createConnection, type FieldPacket, type ResultSetHeader } from "mysql2/promise";
import { LookupDefer } from "../lookup-defer.ts";
import type { PooledConnection } from "../servers/connection-pool.ts";
import type { ServerAddress } from "../servers/server-address.ts";
import { ServerTrouble } from "../servers/server-trouble.ts";
import { systemText } from "../system-text.ts";
import { octetsOf, textOf } from "../utf8-octets.ts";
import type { SqlAnswer } from "./sql-answer.ts";

const DEFAULT_PORT = 3306;

/** A connection to one MySQL or MariaDB server, used by one lookup at a time. */
export class MysqlConnection implements PooledConnection {
  readonly #connection: Connection;
  isBroken = false;

  private constructor(connection: Connection) {
    this.#connection = connection;
    // An idle connection broke; the query under way hears of it itself.
    connection.on("error", () => {
      this.isBroken = true;
    });
    connection.on("end", () => {
      this.isBroken = true;
    });
  }

  /** @throws {ServerTrouble} */
  static async open(server: ServerAddress, timeoutMs: number): Promise<MysqlConnection> {
    const [database = "", user = "", ...password] = server.fields;
    const { host, port = DEFAULT_PORT, socket } = server;
    try {
      return new MysqlConnection(
        await createConnection({
          ...(socket === undefined ? { host, port } : { socketPath: socket }),
          database,
          user,
          password: password.join("/"),
          connectTimeout: Math.ceil(timeoutMs),
          charset: "utf8mb4",
          rowsAsArray: true,
          // The octets as they come.
          typeCast: (field) => field.buffer(),
        }),
      );
    } catch (err) {
      throw new ServerTrouble(`MYSQL connection failed: ${systemText(err)}`, { cause: err });
    }
  }

  /** @throws {LookupDefer} the server does not take the query. @throws {ServerTrouble} */
  async query(query: string): Promise<SqlAnswer> {
    const text = textOf(query);
    if (text === undefined) throw new LookupDefer("mysql", "MYSQL: query failed: the query is not UTF-8");
    try {
      const [rows, fields]: [unknown, FieldPacket[]] = await this.#connection.query(text);
      return sqlAnswer(rows, fields);
    } catch (err) {
      if (isServerError(err)) {
        throw new LookupDefer("mysql", octetsOf(`MYSQL: query failed: ${err.message}`), { cause: err });
      }
      throw new ServerTrouble(`MYSQL: query failed: ${systemText(err)}`, { cause: err });
    }
  }

  close(): void {
    this.isBroken = true;
    this.#connection.destroy();
  }
}

/** An error that the server has sent has its SQL state. */
const isServerError = (err: unknown): err is Error =>
  err instanceof Error && "sqlState" in err && typeof err.sqlState === "string";

function sqlAnswer(rows: unknown, fields: readonly unknown[] | undefined): SqlAnswer {
  if (!Array.isArray(rows)) return { kind: "count", count: isHeader(rows) ? rows.affectedRows : undefined };
  // A procedure: several sets of rows, and at the end its own count. Their rows are given one after the other.
  const sets = fields?.findIndex((set) => Array.isArray(set)) ?? -1;
  if (sets !== -1) {
    const answers = rows.map((set: unknown, i) => sqlAnswer(set, asFields(fields?.[i])));
    const withRows = answers.filter((answer) => answer.kind === "rows");
    return { kind: "rows", columns: withRows[0]?.columns ?? [], rows: withRows.flatMap((answer) => answer.rows) };
  }
  return {
    kind: "rows",
    columns: (fields ?? []).map((field) => octetsOf((field as FieldPacket).name)),
    rows: rows.map((row: readonly (Buffer | null)[]) => row.map((value) => value?.toString("latin1"))),
  };
}

const isHeader = (value: unknown): value is ResultSetHeader =>
  typeof value === "object" && value !== null && "affectedRows" in value;
const asFields = (value: unknown): readonly unknown[] | undefined => (Array.isArray(value) ? value : undefined);
