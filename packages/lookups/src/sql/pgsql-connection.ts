import pg from "pg";
import { LookupDefer } from "../lookup-defer.ts";
import type { PooledConnection } from "../servers/connection-pool.ts";
import type { ServerAddress } from "../servers/server-address.ts";
import { ServerTrouble } from "../servers/server-trouble.ts";
import { systemText } from "../system-text.ts";
import { octetsOf, textOf } from "../utf8-octets.ts";
import type { SqlAnswer } from "./sql-answer.ts";

const DEFAULT_PORT = 5432;
/** `/var/run/postgresql/.s.PGSQL.5432`: directory and port. */
const SOCKET = /^(.*)\/\.s\.PGSQL\.([0-9]{1,5})$/s;
/** Values as the server writes them. */
const asText = { getTypeParser: () => (value: string) => value } as pg.CustomTypesConfig;

/** A connection to one PostgreSQL server, used by one lookup at a time. */
export class PgsqlConnection implements PooledConnection {
  readonly #client: pg.Client;
  #isBusy = false;
  isBroken = false;

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  /** @throws {ServerTrouble} */
  static async open(server: ServerAddress, timeoutMs: number): Promise<PgsqlConnection> {
    const [database = "", user = "", ...password] = server.fields;
    const [, directory, socketPort] = SOCKET.exec(server.socket ?? "") ?? [];
    const host = directory ?? server.host;
    const port = Number(socketPort ?? server.port ?? DEFAULT_PORT);
    const client = new pg.Client({
      host,
      port,
      database,
      user,
      password: password.join("/"),
      types: asText,
      application_name: "postbus",
      connectionTimeoutMillis: Math.ceil(timeoutMs),
    });
    const connection = new PgsqlConnection(client);
    client.on("error", () => {
      connection.isBroken = true; // An idle connection broke; the query under way hears of it itself.
    });
    client.on("end", () => {
      connection.isBroken = true;
    });
    try {
      await client.connect();
      return connection;
    } catch (err) {
      connection.close();
      const place = directory === undefined ? `at "${host}", port ${port}` : `on socket "${server.socket}"`;
      const text = err instanceof pg.DatabaseError ? `FATAL:  ${err.message}` : systemText(err);
      throw new ServerTrouble(`PGSQL connection failed: connection to server ${place} failed: ${text}`, { cause: err });
    }
  }

  /** @throws {LookupDefer} the server does not take the query. @throws {ServerTrouble} */
  async query(query: string): Promise<SqlAnswer> {
    const text = textOf(query);
    if (text === undefined) {
      throw new LookupDefer("pgsql", 'PGSQL: query failed: ERROR:  invalid byte sequence for encoding "UTF8"');
    }
    this.#isBusy = true;
    try {
      const answer: pg.QueryArrayResult | pg.QueryArrayResult[] = await this.#client.query({ text, rowMode: "array" });
      // Several statements: the last one's answer.
      const last = Array.isArray(answer) ? answer.at(-1) : answer;
      return last === undefined ? { kind: "count", count: undefined } : sqlAnswer(last);
    } catch (err) {
      if (err instanceof pg.DatabaseError) {
        const reason = `PGSQL: query failed: ${err.severity ?? "ERROR"}:  ${err.message} (${query})`;
        throw new LookupDefer("pgsql", octetsOf(reason), { cause: err });
      }
      throw new ServerTrouble(`PGSQL: query failed: ${systemText(err)}`, { cause: err });
    } finally {
      this.#isBusy = false;
    }
  }

  close(): void {
    this.isBroken = true;
    // In the midst of a query the polite end would wait for the server.
    if (this.#isBusy) this.#client.connection.stream.destroy();
    // Errors of a connection that nobody uses any more concern nobody.
    else this.#client.end().catch(() => undefined);
  }
}

function sqlAnswer({ command, fields, rows, rowCount }: pg.QueryArrayResult): SqlAnswer {
  if (fields.length === 0 && command !== "SELECT") return { kind: "count", count: rowCount ?? undefined };
  return {
    kind: "rows",
    columns: fields.map(({ name }) => octetsOf(name)),
    rows: rows.map((row: (string | null)[]) => row.map((value) => octetsOf(value ?? ""))),
  };
}
