import type { ReportKind, ReportRecipient } from "./report.ts";

/** A reply code, and perhaps an enhanced one behind it (RFC 2034), at the start or after `: ` as in Exim's texts. */
const REPLY = /(?:^|: )([245])\d\d[ -](?:([245]\.\d{1,3}\.\d{1,3})\b)?/;

/**
 * What the other host said: the part of an error text from the reply code on; undefined if it is our own words.
 * `SMTP error from remote mail server after RCPT TO:<a@b>: 550 5.1.1 no` gives `550 5.1.1 no`.
 */
export function remoteReply(text: string): string | undefined {
  const found = REPLY.exec(text);
  return found === null ? undefined : text.slice(found.index).replace(/^: /, "");
}

const GENERAL: Readonly<Record<ReportKind, string>> = { failure: "5.0.0", delay: "4.0.0", success: "2.0.0" };

/**
 * RFC 3463 code of a recipient: what the host has said, or we ourselves; where there is nothing of the kind, a general one.
 * Of one whose time ran out, 4.4.7.
 */
export function statusCode(kind: ReportKind, { text, timedOut, ownReply }: ReportRecipient): string {
  if (kind === "failure" && timedOut) return "4.4.7";
  const [, , enhanced] = REPLY.exec(ownReply ?? text) ?? [];
  const general = GENERAL[kind];
  return enhanced?.startsWith(general.charAt(0)) === true ? enhanced : general;
}
