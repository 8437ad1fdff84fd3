import type { Reply } from "@postbus/mail";
import type { MessageNotification, RecipientNotification } from "../notification.ts";
import type { XclientValues } from "./xclient.ts";

/** What an owner can be asked besides the questions of every message: `SessionSettings.asks`. */
export type SessionQuestion = "path" | "helo" | "vrfy" | "expn" | "etrn" | "quit" | "reset" | "errors";

/** What a client has sent before it was its turn. */
export interface EarlyInput {
  /** The beginning of it. */
  readonly text: string;
  readonly octets: number;
  /** Not even the greeting was waited for. */
  readonly isBeforeGreeting: boolean;
  /** PIPELINING was offered. */
  readonly mayPipeline: boolean;
}

/**
 * What a `ServerSession` wants next. Questions (`connect`, `helo`, `starttls`, `mail`, `recipient`, `data`) are answered by
 * `accept` or `refuse`, `end` by `finish` (perhaps after `progress`), `handshake` by `tlsEstablished`, `vrfy`, `expn`, `etrn` and `quit` by `respond`;
 * until then input is only held. The others need no answer.
 */
export type SessionStep =
  /** More octets, by `receive`. What `takeOutput` gives must have been written by then. */
  | { readonly kind: "read" }
  /** May this client speak at all? */
  | { readonly kind: "connect" }
  /** HELO or EHLO with a good name. A refusal leaves the client unintroduced. */
  | { readonly kind: "helo"; readonly name: string; readonly isExtended: boolean }
  /** Commands about addresses and queues. @property address May come without a domain, as a recipient may. */
  | { readonly kind: "vrfy"; readonly address: string }
  | { readonly kind: "expn" | "etrn"; readonly argument: string }
  /** AUTH (RFC 4954 §4). @property initial base64; `=` is the empty string. Answered by `challenge` or `authenticationEnded`. */
  | { readonly kind: "auth"; readonly mechanism: string; readonly initial: string | undefined }
  /** The client's line behind a challenge: base64, or `*`. Answered like `auth`. */
  | { readonly kind: "auth line"; readonly line: string }
  /** A proxy says who the client is. The answer is `restart`. */
  | { readonly kind: "xclient"; readonly client: Readonly<XclientValues> }
  /**
   * The transaction is forgotten, because of RSET, and with it what was given of its content. Needs no answer. Between two
   * chunks of content it comes unasked.
   */
  | { readonly kind: "reset" }
  /** The client goes; whatever is said is the last reply. */
  | { readonly kind: "quit" }
  /**
   * What stands behind `MAIL FROM:` or `RCPT TO:`, before it is read as an address; without what look like parameters. The answer is
   * `readPath` or `refuse`.
   */
  | { readonly kind: "path"; readonly of: "MAIL" | "RCPT"; readonly path: string }
  | {
      readonly kind: "mail";
      /** Empty for the null reverse-path. Without a domain only where the client may leave it out. */
      readonly returnPath: string;
      /** Octets, as declared by SIZE. */
      readonly size?: number;
      readonly eightBit: boolean;
      /** `BODY=7BIT` was said. */
      readonly sevenBit?: true;
      /** What is asked for of reports (RFC 3461). */
      readonly notification?: MessageNotification;
      /** Addresses and header section may be in UTF-8 (RFC 6531). */
      readonly smtpUtf8?: true;
      /** Each recipient is to have an answer of its own, by `progress` before `finish` (draft-hall-prdr-00). */
      readonly prdr?: true;
      /** The message may go over connections that are encrypted and known to be with the right host only (RFC 8689). */
      readonly requireTls?: true;
      /** Whom the client says it speaks for (RFC 4954 §5); empty: nobody. */
      readonly authenticatedSender?: string;
    }
  /** @property address `postmaster` may come without a domain (RFC 5321 §4.5.1), others where the client may leave it out. */
  | { readonly kind: "recipient"; readonly address: string; readonly notification?: RecipientNotification }
  /**
   * Last chance to refuse before the content is read: before 354, or at the first BDAT, behind which content has come
   * already. @property isChunked The content comes by BDAT (RFC 3030).
   */
  | { readonly kind: "data"; readonly isChunked: boolean }
  /** The header section, complete and with its blank line; comes once in a message that is not refused before. */
  | { readonly kind: "header"; readonly octets: Buffer }
  /** The next part of the body, dots unstuffed. */
  | { readonly kind: "content"; readonly octets: Buffer }
  /** The final dot, or the last chunk, has come; `finish` says what became of the message. */
  | { readonly kind: "end" }
  /**
   * The session itself refuses something that belongs into the log. With `stage` `content`, what was given of the
   * message is void: it is read to its end and answered without another question.
   */
  | {
      readonly kind: "refused";
      readonly stage: "content" | "session";
      readonly reply: Reply;
      readonly command: string;
      /** The client was to wait for a reply, and has not: what it has sent. */
      readonly early?: EarlyInput;
    }
  /** A command of a wrong form (500, 501, 553, 555) or in a wrong place (503), which was answered. Told if `errors` are asked about. */
  | { readonly kind: "error"; readonly reply: Reply; readonly command: string }
  /** May TLS begin, and is all there that it needs? */
  | { readonly kind: "starttls" }
  /** Write the output, then begin the handshake; the octets that follow are TLS. */
  | { readonly kind: "handshake" }
  /** Write the output, then close the connection. */
  | { readonly kind: "close" };
