import type { DmarcChecked, DmarcRecord } from "@postbus/contracts";
import type { Query } from "./queries.ts";

export const DAY_MS = 24 * 3_600_000;

/** What aggregate reports say of one message; of equal ones, there is a count. */
export interface DmarcResult {
  readonly clientAddress: string;
  readonly status: DmarcChecked["status"];
  readonly outcome: DmarcChecked["outcome"];
  /** What the record comes to for this author. */
  readonly policy: string;
  readonly isDkimAligned: boolean;
  readonly isSpfAligned: boolean;
  readonly headerFrom: string;
  readonly envelopeFrom: string;
  /** Domain, selector, result. */
  readonly dkim: readonly (readonly [string, string, string])[];
  /** Domain, scope, result. */
  readonly spf: readonly [string, "mfrom" | "helo", string] | undefined;
  readonly record: DmarcRecord;
}

export interface CountedDmarcResult {
  readonly result: DmarcResult;
  readonly count: number;
  /** Of the last message, milliseconds since the epoch. */
  readonly atMs: number;
}

export interface DmarcRow {
  /** Days since the epoch, UTC. */
  readonly day: number;
  readonly domain: string;
  readonly id: string;
  readonly atMs: number;
  /** A `DmarcResult`. */
  readonly body: string;
}

/** A day of a domain, to be reported by one of all who could. */
export interface DmarcClaim {
  readonly day: number;
  readonly domain: string;
  /** Who claims it. */
  readonly owner: string;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  /** Until then nobody else gets it. */
  readonly untilMs: number;
}

/** For aggregate reports (RFC 9990). */
export interface DmarcResults {
  /** The first domain behind `after` of which there are results of a day. */
  nextDmarcDomain(day: number, after: string): Promise<string | undefined>;
  /** @returns how often it has been claimed, this time included; undefined: it is reported, or another one is at it. */
  claimDmarcReport(claim: DmarcClaim): Promise<number | undefined>;
  /** It is reported, or there is nothing to report. */
  endDmarcReport(claim: Pick<DmarcClaim, "day" | "domain" | "owner">): Promise<void>;
  /** The most frequent first. */
  dmarcResults(day: number, domain: string, limit: number): Promise<readonly CountedDmarcResult[]>;
  /** Forgets what is older than a day, some of it. Call it again while it is true. */
  pruneDmarcResults(beforeDay: number): Promise<boolean>;
}

/** DKIM signatures of one message that are reported (RFC 9990 §3.1.3). */
const MAX_SIGNATURES = 100;
const PRUNE_ROWS = 5_000;

export function dmarcRow({ id, atMs, ...event }: DmarcChecked): DmarcRow | undefined {
  const { record } = event.detail;
  if (event.isReported !== true || record === undefined) return undefined;
  const { facts, detail, returnDomain, helo } = event;
  const result: DmarcResult = {
    clientAddress: event.clientAddress,
    status: event.status,
    outcome: event.outcome,
    policy: facts.dmarc?.policy ?? "none",
    isDkimAligned: detail.isDkimAligned,
    isSpfAligned: detail.isSpfAligned,
    headerFrom: facts.dmarc?.domain ?? record.domain,
    envelopeFrom: returnDomain,
    dkim: (facts.dkim ?? [])
      .filter(({ domain, selector }) => domain !== "" && selector !== "")
      .slice(0, MAX_SIGNATURES)
      .map(({ domain, selector, result: word }) => [domain, selector, word]),
    spf:
      facts.spf === undefined
        ? undefined
        : [facts.spf.domain || returnDomain || helo, returnDomain === "" ? "helo" : "mfrom", facts.spf.result],
    record,
  };
  return { day: Math.floor(atMs / DAY_MS), domain: record.domain, id, atMs, body: JSON.stringify(result) };
}

export const nextDomainQuery = (day: number, after: string): Query => ({
  sql: "SELECT min(domain) AS domain FROM dmarc_results WHERE day = $1 AND domain > $2",
  parameters: [day, after],
});

export const resultsQuery = (day: number, domain: string, limit: number): Query => ({
  sql: `SELECT body, count(*) AS count, max(at) AS "atMs" FROM dmarc_results WHERE day = $1 AND domain = $2
        GROUP BY body ORDER BY count(*) DESC, body LIMIT ${limit}`,
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

/** That a day was reported is known for as long as its results could be. */
export const pruneQueries = (beforeDay: number): readonly [Query, Query] => [
  {
    sql: `DELETE FROM dmarc_results WHERE (day, domain, id) IN
          (SELECT day, domain, id FROM dmarc_results WHERE day < $1 LIMIT ${PRUNE_ROWS}) RETURNING day`,
    parameters: [beforeDay],
  },
  { sql: "DELETE FROM dmarc_reports WHERE day < $1 RETURNING day", parameters: [beforeDay] },
];

export const isMoreToPrune = (removed: number): boolean => removed === PRUNE_ROWS;

export const countedResult = ({
  body,
  count,
  atMs,
}: {
  body: string;
  count: number;
  atMs: number;
}): CountedDmarcResult => ({
  // What is in the table was made by `dmarcRow`.
  result: JSON.parse(body) as DmarcResult,
  count,
  atMs,
});
