import { EVENTS_LIMIT, type MessageFilter, SCAN_LIMIT } from "./history.ts";
import { idFloor } from "./id-floor.ts";
import { listedCondition, stateCondition } from "./message-state.ts";
import { asOctets } from "./rows.ts";

/** A query with numbered parameters (`$1`), as PostgreSQL writes them; SQLite's are `?1`. */
export interface Query {
  readonly sql: string;
  readonly parameters: readonly (string | number)[];
}

/** The names that differ between the two databases. */
export interface Dialect {
  /** Function (text, part): the position of part in text, 0 if it is not there. */
  readonly position: "instr" | "strpos";
}

/** Ids are made when a message begins to arrive; it may be accepted that much later (spec: reliability §3, DATA). */
const ARRIVAL_SLACK_MS = 24 * 60 * 60 * 1000;

/** @returns The query for a page, and one for the id at which its scan ends (no row: at the end of the table). */
export function messagesQuery(filter: MessageFilter, dialect: Dialect): { readonly page: Query; readonly end: Query } {
  const parameters: (string | number)[] = [];
  const parameter = (value: string | number): string => `$${parameters.push(value)}`;

  const range: string[] = [];
  if (filter.after !== undefined) range.push(`id < ${parameter(filter.after)}`);
  if (filter.sinceMs !== undefined) range.push(`id >= ${parameter(idFloor(filter.sinceMs - ARRIVAL_SLACK_MS))}`);
  const scanned = `FROM messages ${where(range)} ORDER BY id DESC`;
  const end = { sql: `SELECT id ${scanned} LIMIT 1 OFFSET ${SCAN_LIMIT - 1}`, parameters: [...parameters] };

  const conditions: string[] = [];
  if (filter.sinceMs !== undefined) conditions.push(`received_at >= ${parameter(filter.sinceMs)}`);
  const { mask, value } = filter.state === undefined ? listedCondition : stateCondition(filter.state);
  conditions.push(`(flags & ${mask}) = ${value}`);
  const contains = (column: string, part: string): string =>
    `${dialect.position}(lower(${column}), ${parameter(asOctets(part).replace(/[A-Z]/g, (c) => c.toLowerCase()))}) > 0`;
  if (filter.sender !== undefined) conditions.push(contains("return_path", filter.sender));
  if (filter.recipient !== undefined) conditions.push(contains("recipients", filter.recipient));
  const page = {
    sql: `SELECT * FROM (SELECT * ${scanned} LIMIT ${SCAN_LIMIT}) AS scanned ${where(conditions)} ORDER BY id DESC LIMIT ${filter.limit}`,
    parameters,
  };
  return { page, end };
}

const where = (conditions: readonly string[]): string =>
  conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;

export const messageQuery = (id: string): Query => ({ sql: "SELECT * FROM messages WHERE id = $1", parameters: [id] });

/** One more than is shown, to know whether there are more. */
export const eventsQuery = (id: string): Query => ({
  sql: `SELECT message_id AS "messageId", id, at AS "atMs", name, body FROM events WHERE message_id = $1 ORDER BY seq LIMIT ${EVENTS_LIMIT + 1}`,
  parameters: [id],
});

/** @param before `<atMs> <id>` of the last one of the page before. */
export function rejectsQuery(before: string | undefined, limit: number): Query {
  const columns = `SELECT at AS "atMs", id, body FROM rejects`;
  const order = `ORDER BY at DESC, id DESC LIMIT ${limit}`;
  if (before === undefined) return { sql: `${columns} ${order}`, parameters: [] };
  const [atMs = "", ...id] = before.split(" ");
  return { sql: `${columns} WHERE (at, id) < ($1, $2) ${order}`, parameters: [Number(atMs), id.join(" ")] };
}

export const ratesQuery = (sinceMs: number): Query => ({
  sql: `SELECT minute * 60000 AS "minuteMs", received, delivered, deferred, failed, rejected FROM minutes WHERE minute >= $1 ORDER BY minute`,
  parameters: [Math.floor(sinceMs / 60_000)],
});
