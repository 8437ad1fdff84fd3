import type { Original, ReturnLimits } from "./returned-message.ts";
import type { Wording } from "./wording.ts";

/** Given up, not yet delivered, or delivered as the sender had asked to be told (RFC 3461 §6). */
export type ReportKind = "failure" | "delay" | "success";

/** What became of a message's recipients, as its sender is told (RFC 3464). */
export interface Report {
  readonly kind: ReportKind;
  /** Message id of the report; its Message-ID and its boundary are made from it. */
  readonly id: string;
  readonly nowMs: number;
  /** Reporting-MTA. */
  readonly primaryHostname: string;
  /** Who is told: the return path, or the `errors_to` of a router. */
  readonly to: string;
  /** The return path of the message. */
  readonly returnPath: string;
  /** Id of the message in our queue. */
  readonly queueId: string;
  readonly receivedAtMs: number;
  /** Message-ID of the message, without angle brackets. A peer's word. */
  readonly about?: string;
  /** ENVID as it came: xtext. */
  readonly envelopeId?: string;
  /** RET as it came. */
  readonly ret?: "FULL" | "HDRS";
  /** The message came with SMTPUTF8. */
  readonly isSmtpUtf8: boolean;
  /** Of a warning: for how long the message has been waiting, in words (`24 hours`). */
  readonly delay?: string;
  readonly recipients: readonly ReportRecipient[];
  readonly original: Original;
  readonly limits: ReturnLimits;
  readonly wording: Wording;
  /** What the whole should not exceed: the quoted message is cut to its headers, and those are cut, to keep it. */
  readonly maxOctets: number;
  /** The caller puts a message in that is too large for that, as `Composed` says. */
  readonly mayBeLarge?: boolean;
}

export interface ReportRecipient {
  readonly address: string;
  /** What it was made of, the nearest first. */
  readonly parents?: readonly string[];
  /** The address itself is not to be told, only what it was made of: `hide_child_in_errmsg`. */
  readonly isHidden?: boolean;
  /** ORCPT as it came: a type, `;` and xtext. */
  readonly originalRecipient?: string;
  /** Of a success: here, at a host that knows no DSN, or made several others (RFC 3464 §2.3.3). */
  readonly action?: "delivered" | "relayed" | "expanded";
  /** Why, in words that may be shown to the sender. Peers write in it. */
  readonly text: string;
  /** Given up after temporary failures, not refused. */
  readonly timedOut: boolean;
  /** A reply in our own name: a code, an enhanced one and words. */
  readonly ownReply?: string;
  readonly host?: string;
  readonly hostAddress?: string;
  readonly hostPort?: number;
  /** First lines of the host's greeting and of its reply to EHLO. */
  readonly greeting?: string;
  readonly heloReply?: string;
  /** What a program has written. */
  readonly output?: string;
  /** Until when it will be tried. */
  readonly retryUntilMs?: number;
}
