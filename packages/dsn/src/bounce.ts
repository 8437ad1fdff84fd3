/** A message that could not be delivered to some recipients, as its sender is told (RFC 3464). */
export interface Bounce {
  /** Message id of the bounce; its Message-ID and its boundary are made from it. */
  readonly id: string;
  readonly nowMs: number;
  /** Reporting-MTA. */
  readonly primaryHostname: string;
  /** Domain of the Mailer-Daemon that the bounce is from. */
  readonly qualifyDomain: string;
  /** The return path of the message. */
  readonly to: string;
  /** Id of the message in our queue. */
  readonly queueId: string;
  readonly receivedAtMs: number;
  /** Message-ID of the message, without angle brackets. A peer's word. */
  readonly about?: string;
  readonly recipients: readonly BounceRecipient[];
  readonly original: Original;
  /** What the whole should not exceed: the quoted message is cut to its headers, and those are cut, to keep it. */
  readonly maxOctets: number;
}

export interface BounceRecipient {
  readonly address: string;
  /** Why, in words that may be shown to the sender. Peers write in it. */
  readonly text: string;
  /** Given up after temporary failures, not refused. */
  readonly timedOut: boolean;
  /** A reply in our own name: a code, an enhanced one and words. */
  readonly ownReply?: string;
  readonly host?: string;
  readonly hostAddress?: string;
  readonly hostPort?: number;
}

/** The message, or as much of it as the caller could read: at least the header section is wanted. */
export interface Original {
  readonly octets: Buffer;
  readonly isWhole: boolean;
}
