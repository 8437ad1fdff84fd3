import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { MailEvent } from "@postbus/contracts";
import * as dmarc from "../dmarc-queries.ts";
import type { CountedDmarcResult, DmarcClaim, DmarcDay, DmarcRow, DroppedResults } from "../dmarc-results.ts";
import { type Appended, type MessageFilter, type MinuteRate, PRUNE_CHUNK } from "../history.ts";
import { ReaderReplacedError } from "../history-error.ts";
import { idFloor } from "../id-floor.ts";
import type { StoredMessage } from "../message-view.ts";
import { eventsQuery, messageQuery, messagesQuery, type Query, ratesQuery, rejectsQuery } from "../queries.ts";
import { type EventRow, type RejectRow, type Rows, rowsOf } from "../rows.ts";
import { migrations } from "./schema.ts";

/** What another process that writes may make us wait. */
const BUSY_TIMEOUT_MS = 5_000;
/** Pages of the write-ahead log between two checkpoints (16 MB): each is two syncs of the disk that mail shares. */
const CHECKPOINT_PAGES = 4_000;
/** Room in `seq` for the events of one millisecond. */
const SEQ_PER_MS = 1_024;

type Counted = Exclude<keyof MinuteRate, "minuteMs">;

const columnOf: Readonly<Record<string, Counted | undefined>> = {
  "msg:received": "received",
  "msg:delivery": "delivered",
  "msg:defer": "deferred",
  "msg:fail:delivery": "failed",
};

/**
 * The tables in a file. Everything here is synchronous: it belongs in a thread of its own (`sqlite-thread.ts`).
 *
 * The last commits may be lost when the power fails (WAL, `synchronous = NORMAL`), never by a crash of the process;
 * the reader's position is lost with them, so they are read from the bus again.
 */
export class SqliteStore {
  readonly #db: DatabaseSync;
  readonly #insertMessage: StatementSync;
  readonly #insertEvent: StatementSync;
  readonly #insertReject: StatementSync;
  readonly #insertDmarc: StatementSync;
  readonly #countDmarc: StatementSync;
  readonly #addToMinute: StatementSync;
  readonly #moveReader: StatementSync;
  /** Statements of the reading side, by their text; there are few texts. */
  readonly #prepared = new Map<string, StatementSync>();
  #seq = 0;

  constructor(file: string) {
    this.#db = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
    this.#db.exec(
      `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`,
    );
    this.#migrate();
    this.#insertMessage = this.#db.prepare(
      `INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
       ON CONFLICT (id) DO UPDATE SET
         received_at = coalesce(excluded.received_at, received_at),
         return_path = coalesce(excluded.return_path, return_path),
         recipients = coalesce(excluded.recipients, recipients),
         size = coalesce(excluded.size, size),
         client = coalesce(excluded.client, client),
         flags = (flags & ~?8) | excluded.flags`,
    );
    this.#insertEvent = this.#db.prepare("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
    this.#insertReject = this.#db.prepare("INSERT INTO rejects VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
    this.#insertDmarc = this.#db.prepare("INSERT INTO dmarc_results VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
    this.#countDmarc = this.#db.prepare(
      `INSERT INTO dmarc_counts VALUES (?, ?, ?, ?, 0)
       ON CONFLICT (day, domain) DO UPDATE SET messages = messages + excluded.messages, octets = octets + excluded.octets`,
    );
    this.#addToMinute = this.#db.prepare(
      `INSERT INTO minutes VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (minute) DO UPDATE SET received = received + excluded.received, delivered = delivered + excluded.delivered,
         deferred = deferred + excluded.deferred, failed = failed + excluded.failed, rejected = rejected + excluded.rejected`,
    );
    this.#moveReader = this.#db.prepare(
      "UPDATE readers SET position = coalesce(?3, position), note = ?4, seq = ?5 WHERE name = ?1 AND generation = ?2",
    );
  }

  openReader(name: string): { readonly generation: number; readonly resume: Appended | undefined } {
    return this.#transaction(() => {
      this.#db
        .prepare(
          "INSERT INTO readers VALUES (?, 1, 0, NULL, NULL) ON CONFLICT (name) DO UPDATE SET generation = generation + 1",
        )
        .run(name);
      const row = this.#db.prepare("SELECT * FROM readers WHERE name = ?").get(name) as unknown as {
        readonly generation: number;
        readonly seq: number;
        readonly position: string | null;
        readonly note: string | null;
      };
      this.#seq = Math.max(this.#seq, row.seq);
      const { generation, position, note } = row;
      if (note === null) return { generation, resume: undefined };
      return { generation, resume: { ...(position === null ? {} : { position }), note } };
    });
  }

  append(name: string, generation: number, events: readonly MailEvent[], { position, note }: Appended): void {
    const rows = rowsOf(events);
    this.#transaction(() => {
      this.#insert(rows);
      const { changes } = this.#moveReader.run(name, generation, position ?? null, note, this.#seq);
      if (changes === 0) throw new ReaderReplacedError(`history: another process follows the events as ${name}`);
    });
  }

  #insert({ messages, events, rejects, dmarc: checks }: Rows): void {
    const minutes = new Map<number, Record<Counted, number>>();
    const count = (atMs: number, what: Counted): void => {
      const minute = Math.floor(atMs / 60_000);
      let counts = minutes.get(minute);
      if (counts === undefined) {
        counts = { received: 0, delivered: 0, deferred: 0, failed: 0, rejected: 0 };
        minutes.set(minute, counts);
      }
      counts[what]++;
    };
    for (const { id, arrival, set, clear } of messages) {
      this.#insertMessage.run(
        id,
        arrival?.atMs ?? null,
        arrival?.returnPath ?? null,
        arrival?.recipients.join("\n") ?? null,
        arrival?.size ?? null,
        arrival?.client ?? null,
        set,
        clear,
      );
    }
    this.#seq = Math.max(this.#seq, Date.now() * SEQ_PER_MS);
    for (const { messageId, id, atMs, name, body } of events) {
      this.#seq++;
      const { changes } = this.#insertEvent.run(messageId, id, this.#seq, atMs, name, body);
      const column = columnOf[name];
      if (changes !== 0 && column !== undefined) count(atMs, column);
    }
    for (const { atMs, id, body } of rejects) {
      if (this.#insertReject.run(atMs, id, body).changes !== 0) count(atMs, "rejected");
    }
    this.#insertChecks(checks);
    for (const [minute, { received, delivered, deferred, failed, rejected }] of minutes) {
      this.#addToMinute.run(minute, received, delivered, deferred, failed, rejected);
    }
  }

  messages(filter: MessageFilter): { readonly rows: readonly StoredMessage[]; readonly end: string | undefined } {
    const { page, end } = messagesQuery(filter, { position: "instr" });
    const rows = this.#all<StoredMessage>(page);
    return { rows, end: rows.length < filter.limit ? this.#all<{ readonly id: string }>(end)[0]?.id : undefined };
  }

  message(id: string): { readonly row: StoredMessage; readonly events: readonly EventRow[] } | undefined {
    const [row] = this.#all<StoredMessage>(messageQuery(id));
    return row === undefined ? undefined : { row, events: this.#all<EventRow>(eventsQuery(id)) };
  }

  rejects(before: string | undefined, limit: number): readonly RejectRow[] {
    return this.#all<RejectRow>(rejectsQuery(before, limit));
  }

  rates(sinceMs: number): readonly MinuteRate[] {
    return this.#all<MinuteRate>(ratesQuery(sinceMs));
  }

  prune(beforeMs: number, maxOctets: number): boolean {
    const isTooLarge = this.#usedOctets() > maxOctets;
    const oldest = this.#all<{ readonly id: string }>({
      sql: `SELECT id FROM messages ${isTooLarge ? "" : "WHERE id < $1"} ORDER BY id LIMIT ${PRUNE_CHUNK}`,
      parameters: isTooLarge ? [] : [idFloor(beforeMs)],
    });
    const rejectsGone = this.#transaction(() => {
      const deleteEvents = this.#db.prepare("DELETE FROM events WHERE message_id = ?");
      const deleteMessage = this.#db.prepare("DELETE FROM messages WHERE id = ?");
      for (const { id } of oldest) {
        deleteEvents.run(id);
        deleteMessage.run(id);
      }
      this.#db.prepare("DELETE FROM minutes WHERE minute < ?").run(Math.floor(beforeMs / 60_000));
      const rejects = `SELECT at, id FROM rejects ${isTooLarge ? "" : "WHERE at < ?"} ORDER BY at, id LIMIT ${PRUNE_CHUNK}`;
      return this.#db
        .prepare(`DELETE FROM rejects WHERE (at, id) IN (${rejects})`)
        .run(...(isTooLarge ? [] : [beforeMs])).changes;
    });
    return oldest.length === PRUNE_CHUNK || rejectsGone === PRUNE_CHUNK;
  }

  #insertChecks(rows: readonly DmarcRow[]): void {
    const added = new Map<
      string,
      { readonly day: number; readonly domain: string; messages: number; octets: number }
    >();
    for (const row of rows) {
      const { day, domain, id, atMs, body } = row;
      if (this.#insertDmarc.run(day, domain, id, atMs, body).changes === 0) continue;
      const counts = added.getOrInsertComputed(`${day} ${domain}`, () => ({ day, domain, messages: 0, octets: 0 }));
      counts.messages += 1;
      counts.octets += dmarc.rowOctets(row);
    }
    for (const { day, domain, messages, octets } of added.values()) this.#countDmarc.run(day, domain, messages, octets);
  }

  nextDmarcDomain(day: number, after: string): string | undefined {
    return this.#all<{ readonly domain: string }>(dmarc.nextDomainQuery(day, after))[0]?.domain;
  }

  claimDmarcReport(claim: DmarcClaim): number | undefined {
    return this.#transaction(() => this.#all<{ readonly attempts: number }>(dmarc.claimQuery(claim)))[0]?.attempts;
  }

  endDmarcReport(claim: Pick<DmarcClaim, "day" | "domain" | "owner">): void {
    this.#all(dmarc.endQuery(claim));
  }

  dmarcResults(day: number, domain: string, limit: number): DmarcDay {
    const [row] = this.#all<{ readonly messages: number }>(dmarc.messagesOfDayQuery(day, domain));
    const results = this.#all<CountedDmarcResult>(dmarc.resultsQuery(day, domain, limit));
    return { results, messages: row?.messages ?? 0 };
  }

  pruneDmarcResults(beforeDay: number): boolean {
    const [results, ...others] = dmarc.pruneQueries(beforeDay);
    const isMore = dmarc.isMoreToPrune(this.#all(results).length);
    if (!isMore) for (const query of others) this.#all(query);
    return isMore;
  }

  limitDmarcResults(maxOctets: number): DroppedResults | undefined {
    const [sum] = this.#all<{ readonly octets: number | null }>(dmarc.octetsQuery);
    if ((sum?.octets ?? 0) <= maxOctets) return undefined;
    return this.#transaction(() => {
      const [largest] = this.#all<{ readonly day: number; readonly domain: string }>(dmarc.largestQuery);
      if (largest === undefined) return undefined;
      const gone = this.#all<{ readonly octets: number }>(dmarc.dropQuery(largest.day, largest.domain));
      this.#all(dmarc.droppedQuery(largest, gone));
      return { ...largest, messages: gone.length };
    });
  }

  close(): void {
    this.#db.close();
  }

  /** Free pages do not count: SQLite uses them before it lets the file grow. */
  #usedOctets(): number {
    const [row] = this.#all<{ readonly octets: number }>({
      sql: `SELECT (page_count - freelist_count) * page_size AS octets
            FROM pragma_page_count, pragma_freelist_count, pragma_page_size`,
      parameters: [],
    });
    return row?.octets ?? 0;
  }

  #all<Row>({ sql, parameters }: Query): Row[] {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql.replace(/\$(\d)/g, "?$1"));
      this.#prepared.set(sql, statement);
    }
    return statement.all(...parameters) as Row[];
  }

  #transaction<T>(run: () => T): T {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const result = run();
      this.#db.exec("COMMIT");
      return result;
    } catch (err) {
      // Some errors (no room) have rolled back already.
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw err;
    }
  }

  /** Two processes may start at once: the version is read inside the transaction that changes it. */
  #migrate(): void {
    this.#transaction(() => {
      const [row] = this.#db.prepare("PRAGMA user_version").all() as unknown as { readonly user_version: number }[];
      const version = row?.user_version ?? 0;
      if (version > migrations.length) {
        throw new Error(
          `the tables have version ${version}, this program knows ${migrations.length}: it is older than the data`,
        );
      }
      for (const migration of migrations.slice(version)) this.#db.exec(migration);
      if (version < migrations.length) this.#db.exec(`PRAGMA user_version = ${migrations.length}`);
    });
  }
}
