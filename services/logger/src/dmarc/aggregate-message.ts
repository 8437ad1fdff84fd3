import { pipeline } from "node:stream/promises";
import { setImmediate } from "node:timers/promises";
import { createGzip } from "node:zlib";
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
  /** Of the day, all of them. */
  readonly messages: number;
  readonly nowMs: number;
}

const CRLF = "\r\n";
/** Of base64. */
const LINE_OCTETS = 76;

/**
 * The message that carries a report (RFC 9990 §3.5.2). What would not fit into an item of the bus is left out, the rarest
 * results first, and the report says so. Without recipients it has the size that it would have with them.
 *
 * It is made in pieces, and compressed in another thread: whoever else runs in this one goes on meanwhile.
 *
 * @throws the signal's reason.
 */
export async function aggregateMessage(report: AggregateReport, signal: AbortSignal): Promise<Buffer> {
  let kept = report.results.length;
  for (;;) {
    const { head, file, tail } = await parts(report, kept, signal);
    const octets = head.length + encodedOctets(file.length) + tail.length;
    if (octets <= INLINE_LIMIT_OCTETS || kept === 1) return Buffer.concat([head, encoded(file), tail]);
    kept = Math.max(1, Math.floor(kept * Math.min(0.9, INLINE_LIMIT_OCTETS / octets)));
  }
}

interface MessageParts {
  readonly head: Buffer;
  /** Compressed. */
  readonly file: Buffer;
  readonly tail: Buffer;
}

async function parts(report: AggregateReport, kept: number, signal: AbortSignal): Promise<MessageParts> {
  const { hostname, domain, from, email, to, uniqueId, begin, end, results, messages, nowMs } = report;
  const shown = results.slice(0, kept);
  // Some may have come while they were read.
  const leftOut = Math.max(0, messages - shown.reduce((sum, { count }) => sum + count, 0));
  const reportId = `${uniqueId}@${hostname}`;
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
    "",
  ];
  const pieces = aggregateXml(shown, { organization: hostname, email, reportId, begin, end, leftOut });
  return {
    head: Buffer.from(lines.join(CRLF), "latin1"),
    file: await compressed(pieces, signal),
    tail: Buffer.from(`--${boundary}--${CRLF}`, "latin1"),
  };
}

/** Each piece is made when the one before has been taken; between two, others run. */
async function compressed(texts: Iterable<string>, signal: AbortSignal): Promise<Buffer> {
  const pieces: Buffer[] = [];
  async function* octets(): AsyncGenerator<Buffer> {
    for (const text of texts) {
      yield Buffer.from(text, "latin1");
      await setImmediate();
    }
  }
  const collect = async (source: AsyncIterable<Buffer>): Promise<void> => {
    for await (const piece of source) pieces.push(piece);
  };
  await pipeline(octets, createGzip(), collect, { signal });
  return Buffer.concat(pieces);
}

const encodedOctets = (octets: number): number => {
  const base64 = Math.ceil(octets / 3) * 4;
  return base64 + Math.ceil(base64 / LINE_OCTETS) * CRLF.length;
};

const encoded = (file: Buffer): Buffer => {
  const lines = file.toString("base64").match(/.{1,76}/g) ?? [];
  return Buffer.from(lines.map((line) => line + CRLF).join(""), "latin1");
};
