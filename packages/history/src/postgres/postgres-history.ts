import type { MailEvent } from "@postbus/contracts";
import pg from "pg";
import * as dmarc from "../dmarc-queries.ts";
import type { CountedDmarcResult, DmarcClaim, DmarcDay, DroppedResults } from "../dmarc-results.ts";
import {
  type Appended,
  type History,
  type HistoryReader,
  type MessageFilter,
  type MessageHistory,
  type MessagePage,
  type MinuteRate,
  PRUNE_CHUNK,
  type RejectPage,
} from "../history.ts";
import { HistoryUnavailableError, ReaderReplacedError } from "../history-error.ts";
import { idFloor } from "../id-floor.ts";
import { messageHistory, type StoredMessage } from "../message-view.ts";
import { messagePage, rejectPage } from "../pages.ts";
import { eventsQuery, messageQuery, messagesQuery, type Query, ratesQuery, rejectsQuery } from "../queries.ts";
import { type EventRow, type RejectRow, type Rows, rowsOf } from "../rows.ts";
import { migrations } from "./schema.ts";
import * as statements from "./statements.ts";

/** One for the writer, the others for the status API. */
const MAX_CONNECTIONS = 4;
const CONNECT_TIMEOUT_MS = 5_000;
/** The server ends a statement that takes longer; the client waits a little more, in case the server is gone. */
const STATEMENT_TIMEOUT_MS = 15_000;
const QUERY_TIMEOUT_MS = 20_000;
/** Of `pg_advisory_xact_lock`: two starters make the tables one after the other. Any number that is ours. */
const MIGRATION_LOCK = 7_267_828;
/** Room in `seq` for the events of one millisecond. */
const SEQ_PER_MS = 1_024;

/** BIGINT comes as text, for it may exceed a number; ours are times and counts, far below 2^53. */
const types = {
  getTypeParser: (oid: number, format?: "text" | "binary") =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format),
} as pg.CustomTypesConfig;

/** History in a database that the whole fleet shares. */
export class PostgresHistory implements History {
  readonly #pool: pg.Pool;
  /** Resolves when the tables are there; asked again after a failure. */
  #migrated: Promise<void> | undefined;

  constructor(databaseUrl: string) {
    this.#pool = new pg.Pool({
      connectionString: databaseUrl,
      max: MAX_CONNECTIONS,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      application_name: "postbus",
      types,
    });
    // An idle connection broke: the pool has dropped it, and the next query says so if the server is away.
    this.#pool.on("error", () => undefined);
  }

  async openReader(name: string): Promise<HistoryReader> {
    const [row] = await this.#all<{
      readonly generation: number;
      readonly seq: number;
      readonly position: string | null;
      readonly note: string | null;
    }>({ sql: statements.openReader, parameters: [name] });
    if (row === undefined) throw new HistoryUnavailableError("postgresql: no answer to the opening of a reader");
    const { generation, position, note } = row;
    let seq = row.seq;
    return {
      resume: note === null ? undefined : { ...(position === null ? {} : { position }), note },
      append: async (events: readonly MailEvent[], appended: Appended) => {
        const rows = rowsOf(events);
        seq = Math.max(seq, Date.now() * SEQ_PER_MS);
        const first = seq + 1;
        seq += rows.events.length;
        await this.#transaction(async (client) => {
          await insert(client, rows, first);
          const { rowCount } = await client.query(statements.moveReader, [
            name,
            generation,
            appended.position ?? null,
            appended.note,
            seq,
          ]);
          if (rowCount === 0) throw new ReaderReplacedError(`history: another process follows the events as ${name}`);
        });
      },
    };
  }

  async messages(filter: MessageFilter): Promise<MessagePage> {
    const { page, end } = messagesQuery(filter, { position: "strpos" });
    const rows = await this.#all<StoredMessage>(page);
    const ended = rows.length < filter.limit ? await this.#all<{ readonly id: string }>(end) : [];
    return messagePage(rows, filter.limit, ended[0]?.id);
  }

  async message(id: string): Promise<MessageHistory | undefined> {
    const [row] = await this.#all<StoredMessage>(messageQuery(id));
    return row === undefined ? undefined : messageHistory(row, await this.#all<EventRow>(eventsQuery(id)));
  }

  async rejects({ before, limit }: { readonly before?: string; readonly limit: number }): Promise<RejectPage> {
    return rejectPage(await this.#all<RejectRow>(rejectsQuery(before, limit)), limit);
  }

  rates(sinceMs: number): Promise<readonly MinuteRate[]> {
    return this.#all<MinuteRate>(ratesQuery(sinceMs));
  }

  async prune({ beforeMs }: { readonly beforeMs: number }): Promise<boolean> {
    return this.#transaction(async (client) => {
      const { rows } = await client.query<{ readonly id: string }>(
        `SELECT id FROM messages WHERE id < $1 ORDER BY id LIMIT ${PRUNE_CHUNK} FOR UPDATE SKIP LOCKED`,
        [idFloor(beforeMs)],
      );
      const ids = rows.map((row) => row.id);
      await client.query("DELETE FROM events WHERE message_id = ANY($1)", [ids]);
      await client.query("DELETE FROM messages WHERE id = ANY($1)", [ids]);
      await client.query("DELETE FROM minutes WHERE minute < $1", [Math.floor(beforeMs / 60_000)]);
      const rejects = await client.query(
        `DELETE FROM rejects WHERE (at, id) IN (SELECT at, id FROM rejects WHERE at < $1 ORDER BY at, id LIMIT ${PRUNE_CHUNK})`,
        [beforeMs],
      );
      return ids.length === PRUNE_CHUNK || rejects.rowCount === PRUNE_CHUNK;
    });
  }

  async nextDmarcDomain(day: number, after: string): Promise<string | undefined> {
    return (await this.#all<{ readonly domain: string }>(dmarc.nextDomainQuery(day, after)))[0]?.domain;
  }

  async claimDmarcReport(claim: DmarcClaim): Promise<number | undefined> {
    return (await this.#all<{ readonly attempts: number }>(dmarc.claimQuery(claim)))[0]?.attempts;
  }

  async endDmarcReport(claim: Pick<DmarcClaim, "day" | "domain" | "owner">): Promise<void> {
    await this.#all(dmarc.endQuery(claim));
  }

  async dmarcResults(day: number, domain: string, limit: number): Promise<DmarcDay> {
    const [row] = await this.#all<{ readonly messages: number }>(dmarc.messagesOfDayQuery(day, domain));
    const results = await this.#all<CountedDmarcResult>(dmarc.resultsQuery(day, domain, limit));
    return { results, messages: row?.messages ?? 0 };
  }

  async pruneDmarcResults(beforeDay: number): Promise<boolean> {
    const [results, ...others] = dmarc.pruneQueries(beforeDay);
    const isMore = dmarc.isMoreToPrune((await this.#all(results)).length);
    if (!isMore) for (const query of others) await this.#all(query);
    return isMore;
  }

  async limitDmarcResults(maxOctets: number): Promise<DroppedResults | undefined> {
    // A sum is a NUMERIC, which comes as text.
    const [sum] = await this.#all<{ readonly octets: string | null }>(dmarc.octetsQuery);
    if (Number(sum?.octets ?? 0) <= maxOctets) return undefined;
    return this.#transaction(async (client) => {
      const query = async <Row extends object>({ sql, parameters }: Query, end = ""): Promise<Row[]> =>
        (await client.query<Row>(sql + end, [...parameters])).rows;
      const [largest] = await query<Pick<DroppedResults, "day" | "domain">>(dmarc.largestQuery, " FOR UPDATE");
      if (largest === undefined) return undefined;
      const gone = await query<{ readonly octets: number }>(dmarc.dropQuery(largest.day, largest.domain));
      await query(dmarc.droppedQuery(largest, gone));
      return { ...largest, messages: gone.length };
    });
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #all<Row extends object>({ sql, parameters }: Query): Promise<Row[]> {
    return this.#withClient(async (client) => (await client.query<Row>(sql, [...parameters])).rows);
  }

  async #transaction<T>(run: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    return this.#withClient(async (client) => {
      await client.query("BEGIN");
      const result = await run(client);
      await client.query("COMMIT");
      return result;
    });
  }

  async #withClient<T>(run: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    try {
      this.#migrated ??= this.#migrate();
      await this.#migrated.catch((err: unknown) => {
        this.#migrated = undefined;
        throw err;
      });
      return await this.#borrow(run);
    } catch (err) {
      if (err instanceof ReaderReplacedError) throw err;
      throw new HistoryUnavailableError(`postgresql: ${describe(err)}`, { cause: err });
    }
  }

  /** After a failure the connection is closed: that ends its transaction, whatever state it is in. */
  async #borrow<T>(run: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    try {
      const result = await run(client);
      client.release();
      return result;
    } catch (err) {
      client.release(true);
      throw err;
    }
  }

  async #migrate(): Promise<void> {
    await this.#borrow(async (client) => {
      await client.query("BEGIN");
      await client.query("SELECT pg_advisory_xact_lock($1)", [MIGRATION_LOCK]);
      await client.query("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)");
      const { rows } = await client.query<{ readonly version: number }>("SELECT version FROM schema_version");
      const version = rows[0]?.version ?? 0;
      if (version > migrations.length) {
        throw new Error(
          `the tables have version ${version}, this program knows ${migrations.length}: it is older than the data`,
        );
      }
      for (const migration of migrations.slice(version)) await client.query(migration);
      if (version < migrations.length) {
        await client.query("DELETE FROM schema_version");
        await client.query("INSERT INTO schema_version VALUES ($1)", [migrations.length]);
      }
      await client.query("COMMIT");
    });
  }
}

async function insert(
  client: pg.PoolClient,
  { messages, events, rejects, dmarc: checks }: Rows,
  firstSeq: number,
): Promise<void> {
  if (messages.length > 0) {
    const ids = messages.map((m) => m.id);
    await client.query(statements.clearFlags, [ids, messages.map((m) => m.clear)]);
    await client.query(statements.insertMessages, [
      ids,
      messages.map((m) => m.arrival?.atMs ?? null),
      messages.map((m) => text(m.arrival?.returnPath)),
      messages.map((m) => text(m.arrival?.recipients.join("\n"))),
      messages.map((m) => m.arrival?.size ?? null),
      messages.map((m) => text(m.arrival?.client)),
      messages.map((m) => m.set),
    ]);
    await client.query(statements.insertEvents, [
      events.map((e) => e.messageId),
      events.map((e) => text(e.id)),
      events.map((_, i) => firstSeq + i),
      events.map((e) => e.atMs),
      events.map((e) => e.name),
      events.map((e) => e.body),
    ]);
  }
  if (rejects.length > 0) {
    await client.query(statements.insertRejects, [
      rejects.map((r) => r.atMs),
      rejects.map((r) => text(r.id)),
      rejects.map((r) => r.body),
    ]);
  }
  if (checks.length > 0) {
    await client.query(statements.insertDmarc, [
      checks.map((row) => row.day),
      checks.map((row) => row.domain),
      checks.map((row) => row.id),
      checks.map((row) => row.atMs),
      checks.map((row) => row.body),
    ]);
  }
}

/** PostgreSQL's text holds everything but NUL. (In JSON it is written `\u0000`.) */
const text = (value: string | undefined): string | null => value?.replaceAll("\0", "\ufffd") ?? null;

/** An error of several addresses has no text of its own. */
function describe(err: unknown): string {
  if (err instanceof AggregateError) return err.errors.map(describe).join("; ");
  return err instanceof Error ? err.message : String(err);
}
