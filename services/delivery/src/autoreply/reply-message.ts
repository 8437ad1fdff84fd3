import { headerFields } from "@postbus/mail";
import type { Reply } from "@postbus/policy";
import { referenceFields } from "./references.ts";

export interface ReplyParts {
  readonly reply: Reply;
  /** Behind `text`: of `file`, and the copy of the message. */
  readonly more: string;
  /** Of the reply. */
  readonly messageId: string;
  readonly nowMs: number;
  readonly primaryHostname: string;
  readonly qualifyDomain: string;
}

/** The octets of a reply: its fields in Exim's order, what it lacks as a message, and its text. */
export function replyMessage({ reply, more, messageId, nowMs, primaryHostname, qualifyDomain }: ReplyParts): Buffer {
  const { from, replyTo, to, cc, subject, text } = reply;
  const section = [
    field("From", from),
    field("Reply-To", replyTo),
    field("To", qualified(to, qualifyDomain)),
    field("Cc", qualified(cc, qualifyDomain)),
    field("Subject", subject),
    referenceFields(reply.original),
    "Auto-Submitted: auto-replied\n",
    reply.headers === "" ? "" : `${reply.headers}\n`,
  ].join("");
  const octets = Buffer.from(withCrlf(`${section}\n${ended(text)}${more}`), "latin1");
  // What the operator's fields say is not said again; where they end, the text begins.
  const fields = headerFields(octets);
  const names = new Set(fields.map(({ name }) => name));
  const end = fields.at(-1)?.end ?? 0;
  const lacking = [
    ...(names.has("message-id") ? [] : [`Message-Id: <E${messageId}@${primaryHostname}>\r\n`]),
    ...(names.has("from") ? [] : [`From: Mailer-Daemon@${qualifyDomain}\r\n`]),
    ...(names.has("date") ? [] : [`Date: ${new Date(nowMs).toUTCString().replace("GMT", "+0000")}\r\n`]),
  ];
  const kept = fields.filter(({ name }) => name !== "bcc").map(({ start, end: stop }) => octets.subarray(start, stop));
  return Buffer.concat([...kept, Buffer.from(lacking.join(""), "latin1"), octets.subarray(end)]);
}

const field = (name: string, value: string): string => (value === "" ? "" : `${name}: ${value}\n`);

const ended = (text: string): string => (text === "" || text.endsWith("\n") ? text : `${text}\n`);

/** A local part alone gets our domain, as it gets it in the envelope. */
const qualified = (list: string, domain: string): string =>
  /^[\w.+-]+$/.test(list.trim()) ? `${list.trim()}@${domain}` : list;

const withCrlf = (text: string): string => text.replace(/\r?\n/g, "\r\n").replace(/\r(?!\n)/g, " ");
