import { gzipSync } from "node:zlib";
import { INLINE_LIMIT_OCTETS } from "@postbus/contracts";
import type { CountedDmarcResult } from "@postbus/history";
import { mailDate } from "@postbus/mail";
import { aggregateXml } from "./aggregate-xml.ts";

export interface AggregateReport {
  /** Our own name: `primary_hostname`. */
  readonly hostname: string;
  /** Whom it is about. */
  readonly domain: string;
  /** For the From field. */
  readonly from: string;
  /** The address in it. */
  readonly email: string;
  readonly to: readonly string[];
  /** Letters and digits. */
  readonly uniqueId: string;
  /** Seconds since the epoch, the last one included. */
  readonly begin: number;
  readonly end: number;
  readonly results: readonly CountedDmarcResult[];
  readonly nowMs: number;
}

const CRLF = "\r\n";

/**
 * The message that carries a report (RFC 9990 §3.5.2). What would not fit into an item of the bus is left out, the rarest
 * results first, and the report says so. Without recipients it has the size that it would have with them.
 */
export function aggregateMessage(report: AggregateReport): Buffer {
  const { results } = report;
  let kept = results.length;
  for (;;) {
    const message = composed(report, kept);
    if (message.length <= INLINE_LIMIT_OCTETS || kept === 1) return message;
    kept = Math.max(1, Math.floor(kept * Math.min(0.9, INLINE_LIMIT_OCTETS / message.length)));
  }
}

function composed(report: AggregateReport, kept: number): Buffer {
  const { hostname, domain, from, email, to, uniqueId, begin, end, results, nowMs } = report;
  const shown = results.slice(0, kept);
  const leftOut = results.slice(kept).reduce((sum, { count }) => sum + count, 0);
  const reportId = `${uniqueId}@${hostname}`;
  const xml = aggregateXml(shown, { organization: hostname, email, reportId, begin, end, leftOut });
  const file = `${hostname}!${domain}!${begin}!${end}!${uniqueId}.xml.gz`;
  const boundary = `----dmarc-${uniqueId}`;
  const lines = [
    `From: ${from}`,
    `To: ${to.join(`,${CRLF}\t`)}`,
    `Subject: Report Domain: ${domain}${CRLF} Submitter: ${hostname}${CRLF} Report-ID: <${reportId}>`,
    `Date: ${mailDate(nowMs)}`,
    `Message-ID: <${reportId}>`,
    "Auto-Submitted: auto-generated",
    "MIME-Version: 1.0",
    `Content-Type: multipart/mixed;${CRLF}\tboundary="${boundary}"`,
    "",
    `--${boundary}`,
    "Content-Type: text/plain; charset=us-ascii",
    "",
    `This is an aggregate report (RFC 9990) about mail that says it is from`,
    `${domain}, received by ${hostname}`,
    `from ${mailDate(begin * 1000)} to ${mailDate(end * 1000)}.`,
    "",
    `--${boundary}`,
    "Content-Type: application/gzip",
    "Content-Transfer-Encoding: base64",
    `Content-Disposition: attachment;${CRLF}\tfilename="${file}"`,
    "",
    ...(gzipSync(xml)
      .toString("base64")
      .match(/.{1,76}/g) ?? []),
    `--${boundary}--`,
    "",
  ];
  return Buffer.from(lines.join(CRLF), "latin1");
}
