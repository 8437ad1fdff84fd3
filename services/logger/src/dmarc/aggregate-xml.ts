import type { CountedDmarcResult, DmarcResult } from "@postbus/history";

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

/**
 * An aggregate report (RFC 9990, appendix A). @param results The most frequent first, one at least; the record of the last
 * message is told as the policy.
 */
export function aggregateXml(results: readonly CountedDmarcResult[], metadata: ReportMetadata): string {
  const { record } = results.reduce((a, b) => (b.atMs > a.atMs ? b : a)).result;
  const lines = [
    ...element("version", "1.0"),
    ...element("report_metadata", [
      ...element("org_name", metadata.organization),
      ...element("email", metadata.email),
      ...element("report_id", metadata.reportId),
      ...element("date_range", [...element("begin", String(metadata.begin)), ...element("end", String(metadata.end))]),
      ...(metadata.leftOut === 0
        ? []
        : element("error", `${metadata.leftOut} messages are left out: the report would be too large`)),
      ...element("generator", "Postbus"),
    ]),
    ...element("policy_published", [
      ...element("domain", record.domain),
      ...element("p", record.p),
      ...element("sp", record.sp ?? record.p),
      ...(record.np === undefined ? [] : element("np", record.np)),
      ...element("adkim", record.adkim),
      ...element("aspf", record.aspf),
      ...element("testing", record.isTest === true ? "y" : "n"),
      ...element("discovery_method", record.isBySuffixes === true ? "psl" : "treewalk"),
      ...(record.fo === undefined ? [] : element("fo", record.fo)),
    ]),
    ...results.flatMap(recordOf),
  ];
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">',
    ...lines.map((line) => `  ${line}`),
    "</feedback>",
    "",
  ].join("\n");
}

function recordOf({ result, count }: CountedDmarcResult): string[] {
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
    ...element("identifiers", [...element("envelope_from", envelopeFrom), ...element("header_from", headerFrom)]),
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
            ...element("scope", spf[1]),
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
