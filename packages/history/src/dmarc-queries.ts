import type { DmarcClaim } from "./dmarc-results.ts";
import type { Query } from "./queries.ts";

/** Rows that one statement deletes, so that appending is not kept waiting. */
const PRUNE_ROWS = 5_000;
/** Of the results of one report together; ten times what fits into one. */
const MAX_OCTETS = 4 * 1024 * 1024;
/** What a row takes besides its body. */
const ROW_OCTETS = 100;

/** What a row counts for; `dmarc_counts` has the sums. */
export const rowOctets = ({ body, domain }: { readonly body: string; readonly domain: string }): number =>
  body.length + domain.length + ROW_OCTETS;

/** The same in SQL. */
export const ROW_OCTETS_SQL = `length(body) + length(domain) + ${ROW_OCTETS}`;

/** Days that are reported need not be looked at again. */
export const nextDomainQuery = (day: number, after: string): Query => ({
  sql: `SELECT domain FROM dmarc_counts AS c WHERE day = $1 AND domain > $2 AND messages > 0 AND NOT EXISTS
          (SELECT 1 FROM dmarc_reports AS r WHERE r.day = c.day AND r.domain = c.domain AND r.is_done = 1)
        ORDER BY domain LIMIT 1`,
  parameters: [day, after],
});

export const resultsQuery = (day: number, domain: string, limit: number): Query => ({
  sql: `SELECT body, count, at AS "atMs" FROM
          (SELECT body, count(*) AS count, max(at) AS at,
             sum(length(body)) OVER (ORDER BY count(*) DESC, body ROWS UNBOUNDED PRECEDING) AS octets
           FROM dmarc_results WHERE day = $1 AND domain = $2 GROUP BY body) AS counted
        WHERE octets <= ${MAX_OCTETS} ORDER BY count DESC, body LIMIT ${limit}`,
  parameters: [day, domain],
});

/** Those whose results had to go count, too. */
export const messagesOfDayQuery = (day: number, domain: string): Query => ({
  sql: "SELECT messages + dropped AS messages FROM dmarc_counts WHERE day = $1 AND domain = $2",
  parameters: [day, domain],
});

export const claimQuery = ({ day, domain, owner, nowMs, untilMs }: DmarcClaim): Query => ({
  sql: `INSERT INTO dmarc_reports (day, domain, owner, until, attempts, is_done) VALUES ($1, $2, $3, $4, 1, 0)
        ON CONFLICT (day, domain) DO UPDATE
        SET owner = excluded.owner, until = excluded.until, attempts = dmarc_reports.attempts + 1
        WHERE dmarc_reports.is_done = 0 AND dmarc_reports.until < $5 RETURNING attempts`,
  parameters: [day, domain, owner, untilMs, nowMs],
});

export const endQuery = ({ day, domain, owner }: Pick<DmarcClaim, "day" | "domain" | "owner">): Query => ({
  sql: "UPDATE dmarc_reports SET is_done = 1 WHERE day = $1 AND domain = $2 AND owner = $3 RETURNING day",
  parameters: [day, domain, owner],
});

/** Results, and what is known besides: that a day was reported is remembered for as long as its results could be. */
export const pruneQueries = (beforeDay: number): readonly [Query, Query, Query] => [
  {
    sql: `DELETE FROM dmarc_results WHERE (day, domain, id) IN
          (SELECT day, domain, id FROM dmarc_results WHERE day < $1 LIMIT ${PRUNE_ROWS}) RETURNING day`,
    parameters: [beforeDay],
  },
  { sql: "DELETE FROM dmarc_reports WHERE day < $1 RETURNING day", parameters: [beforeDay] },
  { sql: "DELETE FROM dmarc_counts WHERE day < $1 RETURNING day", parameters: [beforeDay] },
];

export const isMoreToPrune = (removed: number): boolean => removed === PRUNE_ROWS;

export const octetsQuery: Query = { sql: "SELECT sum(octets) AS octets FROM dmarc_counts", parameters: [] };

/** Who has to give way: of the oldest day the domain that has most. */
export const largestQuery: Query = {
  sql: "SELECT day, domain FROM dmarc_counts WHERE messages > 0 ORDER BY day, octets DESC, domain LIMIT 1",
  parameters: [],
};

/** Ids sort by time. */
export const dropQuery = (day: number, domain: string): Query => ({
  sql: `DELETE FROM dmarc_results WHERE (day, domain, id) IN
        (SELECT day, domain, id FROM dmarc_results WHERE day = $1 AND domain = $2 ORDER BY id LIMIT ${PRUNE_ROWS})
        RETURNING ${ROW_OCTETS_SQL} AS octets`,
  parameters: [day, domain],
});

/** Where nothing was left to drop, the counts were wrong: then there is nothing there. */
export const droppedQuery = (
  { day, domain }: { readonly day: number; readonly domain: string },
  gone: readonly { readonly octets: number }[],
): Query => ({
  sql:
    gone.length === 0
      ? "UPDATE dmarc_counts SET messages = 0, octets = 0 WHERE day = $1 AND domain = $2"
      : `UPDATE dmarc_counts SET messages = messages - $3, octets = octets - $4, dropped = dropped + $3
         WHERE day = $1 AND domain = $2`,
  parameters:
    gone.length === 0 ? [day, domain] : [day, domain, gone.length, gone.reduce((sum, { octets }) => sum + octets, 0)],
});
