import type { MessageNotification, RecipientNotification } from "../notification.ts";
import type { Trouble } from "./error-text.ts";
import type { PeerReply } from "./reply-parser.ts";

/** One message for some recipients, as it is offered to the next hop. */
export interface Transaction {
  /** latin1 string of the octets; empty: the null reverse-path. */
  readonly returnPath: string;
  readonly recipients: readonly string[];
  /** Octets of the content. */
  readonly size: number;
  /** The content was announced as 8BITMIME when it came in. */
  readonly eightBit: boolean;
  /** It came as a message of RFC 6531: addresses or header section may be in UTF-8, which the next hop must know. */
  readonly smtpUtf8?: boolean;
  /**
   * To be said with A-labels: 1: always; -1: to a host that does not know RFC 6531; 0 or absent: never. Where that is not
   * possible, the host has to know it. Exim's `utf8_downconvert`.
   */
  readonly utf8Downconvert?: -1 | 0 | 1;
  /** RFC 8689: for a session that requires REQUIRETLS only. */
  readonly requireTls?: boolean;
  /** What the sender asks for of reports; a next hop that does not know DSN is not told (RFC 3461 §5.2.2). */
  readonly notification?: MessageNotification;
  /** The same of each recipient, in their order. */
  readonly recipientNotifications?: readonly (RecipientNotification | undefined)[];
  /** Who has submitted the message, as we vouch for (RFC 4954 §5); empty: nobody whom we name. Said where AUTH is offered. */
  readonly authenticatedSender?: string;
}

export type RecipientResult =
  /** @property confirmation The reply to the end of data. */
  | { readonly outcome: "delivered"; readonly confirmation: string }
  | ({ readonly outcome: "deferred" } & Trouble)
  | { readonly outcome: "failed"; readonly text: string; readonly replyCode?: number }
  /** 452: the peer takes no more recipients in this transaction (RFC 5321 §4.5.3.1.10); to be offered in the next. */
  | { readonly outcome: "postponed" };

/**
 * Exim's classes of errors (spec: SMTP transport §4): at fault is the connection or the host, this message, or a
 * recipient whose RCPT found no answer.
 */
export type TroubleKind = "host" | "message" | "recipient";

export interface TransactionResult {
  /** In the order of the transaction's recipients. */
  readonly recipients: readonly RecipientResult[];
  /** If the transaction as a whole met an error. */
  readonly trouble?: Trouble & { readonly kind: TroubleKind };
  /**
   * The peer never answered MAIL, or said 421 to it: on a connection that was kept from an earlier message it had
   * probably been closed, and nothing is known about the host.
   */
  readonly isUnanswered: boolean;
  /** Each recipient has had a reply of its own, and the end one for all. */
  readonly isPrdr?: boolean;
}

/** What the owner of the connection has to do next. */
export type Step =
  /** @property octets latin1 */
  | { readonly do: "write"; readonly octets: string }
  /** Make the connection a TLS one, then call `tlsStarted` or `tlsFailed`. */
  | { readonly do: "start TLS" }
  /** The session is open: `begin` may be called. */
  | { readonly do: "ready" }
  /**
   * The peer waits for the content: write it encoded with its end, or `inChunks` with a command of `chunk` before each
   * piece; then call `contentSent`.
   */
  | { readonly do: "send content"; readonly inChunks: boolean }
  /** The peer offers AUTH, and the session is to have it: call `authSend`, `authDone` or `authFailed`. */
  | { readonly do: "authenticate"; readonly mechanisms: readonly string[] }
  /** What the peer says to a line of the authentication. */
  | { readonly do: "auth reply"; readonly reply: PeerReply }
  | { readonly do: "finish"; readonly result: TransactionResult }
  /** No session came about. The connection is to be closed. */
  | { readonly do: "fail"; readonly failure: SessionFailure }
  /** Nothing more can be done with the connection. */
  | { readonly do: "close" };

export interface SessionFailure extends Trouble {
  /** 5yz to the greeting or HELO: if it is the last host, the message fails. */
  readonly isPermanent: boolean;
  /** TLS is at fault: a new connection in clear text may do, where that is allowed. */
  readonly isTls: boolean;
  /** The peer is there, and does not do what the session requires of it. That will not change by waiting. */
  readonly lacks?: "TLS" | "REQUIRETLS";
}
