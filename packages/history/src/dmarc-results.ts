import type { DmarcChecked, DmarcRecord } from "@postbus/contracts";

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
  /** Domain, where it is from, result. */
  readonly spf: readonly [string, "mfrom" | "helo", string] | undefined;
  readonly record: DmarcRecord;
}

export interface CountedDmarcResult {
  /** A `DmarcResult`, for `readDmarcResult`: very many are not read at once. */
  readonly body: string;
  readonly count: number;
  /** Of the last message, milliseconds since the epoch. */
  readonly atMs: number;
}

/** What is known of a domain's day. */
export interface DmarcDay {
  /** The most frequent first. */
  readonly results: readonly CountedDmarcResult[];
  /** All messages of the day, also those whose results are not among these. */
  readonly messages: number;
}

/** Results that had to go. */
export interface DroppedResults {
  readonly day: number;
  readonly domain: string;
  readonly messages: number;
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
  /** @param limit How many different results; all together are no more than 4 MiB. */
  dmarcResults(day: number, domain: string, limit: number): Promise<DmarcDay>;
  /** Forgets what is older than a day, some of it. Call it again while it is true. */
  pruneDmarcResults(beforeDay: number): Promise<boolean>;
  /**
   * Forgets results, a bounded number, while all together take more than `maxOctets`: of the oldest day the domain that has
   * most, its oldest first. Call it again until there is nothing to forget.
   */
  limitDmarcResults(maxOctets: number): Promise<DroppedResults | undefined>;
}

/** DKIM signatures of one message that are reported (RFC 9990 §3.1.3). */
const MAX_SIGNATURES = 100;

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
      .map((fact) => ({ ...fact, rank: rankOf(fact, facts.dmarc?.domain ?? record.domain) }))
      .sort((a, b) => a.rank - b.rank)
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

/** Which signatures say most (RFC 9990 §3.1.3): those that prove the author's domain, then one that is related, then others. */
function rankOf({ domain, result }: { readonly domain: string; readonly result: string }, author: string): number {
  if (result !== "pass") return 3;
  if (domain === author) return 0;
  return domain.endsWith(`.${author}`) || author.endsWith(`.${domain}`) ? 1 : 2;
}

/** What a row says; it was made by `dmarcRow`. */
export const readDmarcResult = (body: string): DmarcResult => JSON.parse(body) as DmarcResult;
