import type { DmarcRecord } from "@postbus/contracts";
import { type CountedDmarcResult, type DmarcResult, readDmarcResult } from "@postbus/history";

/** What a report says of itself. */
export interface ReportMetadata {
  /** `primary_hostname` */
  readonly organization: string;
  /** Whom to write to. */
  readonly email: string;
  readonly reportId: string;
  /** Seconds since the epoch, the last one included. */
  readonly begin: number;
  readonly end: number;
  /** Messages that are not in it. */
  readonly leftOut: number;
}

/** An element with text in it, or with others; lines of them. */
type Content = string | readonly string[];

/** Octets, roughly, that are made without a pause. */
const PIECE_OCTETS = 32 * 1024;

/**
 * An aggregate report (RFC 9990 §3.1.1, appendix A; the order of elements is that of its tables) in pieces, each made when it
 * is asked for.
 *
 * @param results The most frequent first, one at least; the record of the last message is told as the policy.
 */
export function* aggregateXml(results: readonly CountedDmarcResult[], metadata: ReportMetadata): Generator<string> {
  const { record } = readDmarcResult(results.reduce((a, b) => (b.atMs > a.atMs ? b : a)).body);
  let piece = joined([
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">',
    ...indented(headOf(record, metadata)),
  ]);
  for (const result of results) {
    piece += joined(indented(recordOf(readDmarcResult(result.body), result.count)));
    if (piece.length < PIECE_OCTETS) continue;
    yield piece;
    piece = "";
  }
  yield `${piece}</feedback>\n`;
}

const joined = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");
const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

function headOf(record: DmarcRecord, metadata: ReportMetadata): string[] {
  const { organization, email, reportId, begin, end, leftOut } = metadata;
  return [
    ...element("version", "1.0"),
    ...element("report_metadata", [
      ...element("org_name", organization),
      ...element("email", email),
      ...element("report_id", reportId),
      ...element("date_range", [...element("begin", String(begin)), ...element("end", String(end))]),
      ...(leftOut === 0 ? [] : element("error", `${leftOut} messages are left out: the report would be too large`)),
      ...element("generator", "Postbus"),
    ]),
    ...element("policy_published", [
      ...element("domain", record.domain),
      ...element("discovery_method", record.isBySuffixes === true ? "psl" : "treewalk"),
      ...element("p", record.p),
      // Unspecified tags have their default values.
      ...element("sp", record.sp ?? record.p),
      ...element("np", record.np ?? record.sp ?? record.p),
      ...element("fo", record.fo ?? "0"),
      ...element("adkim", record.adkim),
      ...element("aspf", record.aspf),
      ...element("testing", record.isTest === true ? "y" : "n"),
    ]),
  ];
}

function recordOf(result: DmarcResult, count: number): string[] {
  const { clientAddress, isDkimAligned, isSpfAligned, envelopeFrom, headerFrom, dkim, spf } = result;
  const { disposition, reason } = evaluated(result);
  return element("record", [
    ...element("row", [
      ...element("source_ip", clientAddress),
      ...element("count", String(count)),
      ...element("policy_evaluated", [
        ...element("disposition", disposition),
        ...element("dkim", isDkimAligned ? "pass" : "fail"),
        ...element("spf", isSpfAligned ? "pass" : "fail"),
        ...(reason === undefined ? [] : element("reason", element("type", reason))),
      ]),
    ]),
    ...element("identifiers", [...element("header_from", headerFrom), ...element("envelope_from", envelopeFrom)]),
    ...element("auth_results", [
      ...dkim.flatMap(([domain, selector, word]) =>
        element("dkim", [
          ...element("domain", domain),
          ...element("selector", selector),
          ...element("result", word === "softfail" ? "fail" : word),
        ]),
      ),
      ...(spf === undefined
        ? []
        : element("spf", [
            ...element("domain", spf[0]),
            // The only one: that the domain of HELO stands for the null return path does not change it (RFC 7208 §2.4).
            ...element("scope", "mfrom"),
            ...element("result", spf[2] === "policy" ? "neutral" : spf[2]),
          ])),
    ]),
  ]);
}

/** What was done with a message, and why it is not what its author has asked for (RFC 9990 §3.1.5). */
function evaluated({ status, outcome, policy, record }: DmarcResult): {
  readonly disposition: "none" | "pass" | "quarantine" | "reject";
  readonly reason?: "local_policy" | "policy_test_mode";
} {
  if (status === "accept") return { disposition: policy === "none" ? "none" : "pass" };
  if (outcome === "refused") {
    return status === "reject" ? { disposition: "reject" } : { disposition: "reject", reason: "local_policy" };
  }
  if (status === "reject") return { disposition: "none", reason: "local_policy" };
  const disposition = status === "quarantine" ? "quarantine" : "none";
  return record.isTest === true ? { disposition, reason: "policy_test_mode" } : { disposition };
}

function element(name: string, content: Content): string[] {
  if (typeof content === "string") return [`<${name}>${escaped(content)}</${name}>`];
  return [`<${name}>`, ...content.map((line) => `  ${line}`), `</${name}>`];
}

/** Peers have chosen some of it. XML has no way to write most control characters (XML 1.0 §2.2). */
const escaped = (text: string): string =>
  text
    .replace(/[^\x20-\x7e]/g, "?")
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;");
