import type { BounceRecipient } from "./bounce.ts";

/** A reply code, and perhaps an enhanced one behind it (RFC 2034), at the start or after `: ` as in Exim's texts. */
const REPLY = /(?:^|: )([45])\d\d[ -](?:([45]\.\d{1,3}\.\d{1,3})\b)?/;

/**
 * What the other host said: the part of an error text from the reply code on; undefined if it is our own words.
 * `SMTP error from remote mail server after RCPT TO:<a@b>: 550 5.1.1 no` gives `550 5.1.1 no`.
 */
export function remoteReply(text: string): string | undefined {
  const found = REPLY.exec(text);
  return found === null ? undefined : text.slice(found.index).replace(/^: /, "");
}

/** RFC 3463 code of a failed recipient: 4.4.7 if its time ran out, else what the host said, or we ourselves, else 5.0.0. */
export function failureStatus({ text, timedOut, ownReply }: BounceRecipient): string {
  if (timedOut) return "4.4.7";
  const [, , enhanced] = REPLY.exec(ownReply ?? text) ?? [];
  return enhanced ?? "5.0.0";
}
