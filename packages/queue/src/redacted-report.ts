import { fieldValue, headerFields } from "@postbus/mail";

/** Of the message, what its sender needs to know it again. */
const KEPT: ReadonlySet<string> = new Set(["message-id", "date"]);
/** Of these, the domains. */
const WITH_DOMAINS: ReadonlySet<string> = new Set(["from", "to"]);
/** Of one field. */
const MAX_VALUE = 500;
const MAX_DOMAINS = 10;

const PART =
  /\r\n--([^\r\n]{1,70})\r\nContent-Type: (?:text\/rfc822-headers|message\/global-headers)(?:[ ;][^\r\n]*)?\r\n/gi;

/**
 * A report as it may go over a connection that is not as protected as the message was to be (RFC 8689 §5): of the header
 * section that it returns, Message-ID and Date are left, and the domains of From and To.
 *
 * @returns undefined: it is no report that returns a header section and nothing else of the message.
 */
export function redactedReport(report: Buffer): Buffer | undefined {
  const text = report.toString("latin1");
  if (
    !/^Content-Type: multipart\/report\b/im.test(text) ||
    /\r\nContent-Type: message\/(?!(?:global-)?delivery-status|global-headers)/i.test(text)
  ) {
    return undefined;
  }
  const [part, ...more] = text.matchAll(PART);
  if (part === undefined || more.length > 0) return undefined;
  const [, boundary = ""] = part;
  const bodyStart = text.indexOf("\r\n\r\n", part.index + part[0].length - 2) + 4;
  const end = text.indexOf(`\r\n--${boundary}--`, bodyStart - 2);
  if (bodyStart < 4 || end < 0) return undefined;
  const head = `\r\n--${boundary}\r\nContent-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 7bit\r\n\r\n`;
  const left = redacted(report.subarray(bodyStart, Math.max(bodyStart, end + 2)));
  return Buffer.from(text.slice(0, part.index) + head + left + text.slice(Math.max(bodyStart - 2, end)), "latin1");
}

/** Lines of 7 bits, each a whole field. Where the section is encoded, names and values that this has changed are left out. */
function redacted(section: Buffer): string {
  let left = "";
  for (const field of headerFields(section)) {
    const value = fieldValue(section, field).slice(0, MAX_VALUE);
    if (KEPT.has(field.name)) left += `${titled(field.name)}: ${value.replace(/[^ -~]/g, "?")}\r\n`;
    if (WITH_DOMAINS.has(field.name)) left += `${titled(field.name)}: ${domainsIn(value).join(", ")}\r\n`;
  }
  return left;
}

const domainsIn = (value: string): string[] =>
  Array.from(value.matchAll(/@([A-Za-z0-9.-]{1,255})/g), ([, domain]) => `redacted@${domain}`).slice(0, MAX_DOMAINS);

const titled = (name: string): string =>
  name === "message-id" ? "Message-ID" : name.charAt(0).toUpperCase() + name.slice(1);
