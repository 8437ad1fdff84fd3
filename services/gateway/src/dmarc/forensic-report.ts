import type { DmarcDetail, Facts } from "@postbus/contracts";
import { mailDate } from "@postbus/mail";

/** A message that has failed its author's policy. */
export interface FailedMessage {
  readonly messageId: string;
  /** RFC5322.From domain. */
  readonly domain: string;
  readonly clientAddress: string;
  readonly returnPath: string;
  /** Milliseconds since the epoch. */
  readonly receivedAtMs: number;
  readonly facts: Facts;
  readonly detail: DmarcDetail;
  /** `$dmarc_status_text` */
  readonly statusText: string;
  /** The client was told that the message is not taken. */
  readonly isRefused: boolean;
  /** As it came, latin1, folded with CRLF. */
  readonly header: string;
}

export interface ForensicReport {
  readonly hostname: string;
  readonly from: string;
  readonly to: readonly string[];
  /** Message-ID, without the angle brackets. */
  readonly headerMessageId: string;
  readonly nowMs: number;
}

/** Of the header section that is shown; reports are inline on the bus. */
const MAX_HEADER = 48 * 1024;
const CRLF = "\r\n";

/**
 * That a message has failed its author's policy, for whom the policy names (RFC 6591, RFC 9991). The words for people are
 * Exim's, for programs there is a part `message/feedback-report`; of the message, only the header section is in it.
 */
export function forensicReport(about: FailedMessage, report: ForensicReport): Buffer {
  const { domain, clientAddress } = about;
  const header = shown(about.header);
  // Whoever has written the message did not know its id.
  const boundary = `----dmarc-${about.messageId}`;
  const lines = [
    `From: ${report.from}`,
    `To: ${report.to.join(`,${CRLF}\t`)}`,
    `Subject: DMARC Forensic Report for ${domain} from IP ${clientAddress}`,
    `Date: ${mailDate(report.nowMs)}`,
    `Message-ID: <${report.headerMessageId}>`,
    "Auto-Submitted: auto-replied",
    "MIME-Version: 1.0",
    `Content-Type: multipart/report; report-type=feedback-report;${CRLF}\tboundary="${boundary}"`,
    "",
    `--${boundary}`,
    "Content-Type: text/plain; charset=us-ascii",
    "",
    ...words(about),
    printable(header),
    `--${boundary}`,
    "Content-Type: message/feedback-report",
    "",
    ...fields(about, report),
    "",
    `--${boundary}`,
    `Content-Type: text/rfc822-headers${/[\x80-\xff]/.test(header) ? `${CRLF}Content-Transfer-Encoding: 8bit` : ""}`,
    "",
    header,
    `--${boundary}--`,
    "",
  ];
  return Buffer.from(lines.join(CRLF), "latin1");
}

function words({ domain, clientAddress, receivedAtMs, detail, statusText }: FailedMessage): string[] {
  return [
    "A message claiming to be from you has failed the published DMARC",
    "policy for your domain.",
    "",
    `  Sender Domain: ${domain}`,
    `  Sender IP Address: ${clientAddress}`,
    `  Received Date: ${mailDate(receivedAtMs)}`,
    `  SPF Alignment: ${yesNo(detail.isSpfAligned)}`,
    `  DKIM Alignment: ${yesNo(detail.isDkimAligned)}`,
    `  DMARC Results: ${statusText}`,
    "",
    "------ This is a copy of the headers that were received before the error",
    "       was detected.",
    "",
  ];
}

const yesNo = (is: boolean): string => (is ? "yes" : "no");

/** RFC 5965 §3, RFC 6591 §3. */
function fields(about: FailedMessage, { hostname }: ForensicReport): string[] {
  const { domain, clientAddress, returnPath, receivedAtMs, detail, facts, isRefused } = about;
  const aligned = [...(detail.isDkimAligned ? ["dkim"] : []), ...(detail.isSpfAligned ? ["spf"] : [])];
  const [signature] = facts.dkim ?? [];
  return [
    "Feedback-Type: auth-failure",
    "Version: 1",
    "User-Agent: Postbus/1.0",
    "Auth-Failure: dmarc",
    `Authentication-Results: ${[hostname, ...results(about)].join(`;${CRLF}\t`)}`,
    `Original-Mail-From: <${oneLine(returnPath)}>`,
    `Arrival-Date: ${mailDate(receivedAtMs)}`,
    `Source-IP: ${clientAddress}`,
    `Reported-Domain: ${domain}`,
    `Identity-Alignment: ${aligned.length === 0 ? "none" : aligned.join(", ")}`,
    `Delivery-Result: ${isRefused ? "reject" : "delivered"}`,
    `Reporting-MTA: dns; ${hostname}`,
    ...(signature === undefined || signature.domain === ""
      ? []
      : [`DKIM-Domain: ${oneLine(signature.domain)}`, `DKIM-Selector: ${oneLine(signature.selector)}`]),
  ];
}

/** RFC 8601, in the simplest words. */
function results({ domain, returnPath, facts: { spf, dkim = [] } }: FailedMessage): string[] {
  const identity = returnPath === "" ? "smtp.helo" : "smtp.mailfrom";
  return [
    ...(spf === undefined ? [] : [`spf=${spf.result} ${identity}=${word(spf.domain)}`]),
    ...dkim.map(({ result, domain: d, selector: s }) => `dkim=${result} header.d=${word(d)} header.s=${word(s)}`),
    `dmarc=fail header.from=${word(domain)}`,
  ];
}

/** A value without quotes. */
const word = (text: string): string => text.slice(0, 253).replace(/[^A-Za-z0-9._-]/g, "?") || "unknown";

/** What a peer has said, in a field of its own line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: replacing them is the point
const oneLine = (text: string): string => text.slice(0, 500).replace(/[\x00-\x1f\x7f-\xff]/g, "?");

/** As ASCII, for people. */
const printable = (header: string): string => header.replace(/[\x80-\xff]/g, "?");

/** Whole lines. */
const shown = (header: string): string =>
  header.length <= MAX_HEADER ? header : header.slice(0, header.lastIndexOf(CRLF, MAX_HEADER) + 2);
