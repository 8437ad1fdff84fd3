/** Whom a report is about decides on what occasions it is made (RFC 3461 §4.1). */
export type NotifyOccasion = "NEVER" | "SUCCESS" | "FAILURE" | "DELAY";

/** In the order in which they are passed on. */
export const NOTIFY_OCCASIONS: readonly NotifyOccasion[] = ["NEVER", "SUCCESS", "FAILURE", "DELAY"];

/** What MAIL asks for of reports about a message (RFC 3461 §4.3, §4.4). */
export interface MessageNotification {
  /** How much of the message a report quotes. */
  readonly ret?: "FULL" | "HDRS";
  /** The sender's name for the transaction, xtext as it came. */
  readonly envid?: string;
}

/** What RCPT asks for of reports about one recipient (RFC 3461 §4.1, §4.2). */
export interface RecipientNotification {
  /** Without repetitions; NEVER is alone. */
  readonly notify?: readonly NotifyOccasion[];
  /** ORCPT: `rfc822;` and the address as xtext, as it came. */
  readonly originalRecipient?: string;
}
