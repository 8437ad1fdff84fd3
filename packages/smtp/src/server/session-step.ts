import type { Reply } from "@postbus/mail";

/** What an owner can be asked besides the questions of every message: `SessionSettings.asks`. */
export type SessionQuestion = "helo" | "vrfy" | "expn" | "etrn" | "quit" | "reset";

/**
 * What a `ServerSession` wants next. Questions (`connect`, `helo`, `starttls`, `mail`, `recipient`, `data`) are answered by
 * `accept` or `refuse`, `end` by `finish`, `handshake` by `tlsEstablished`, `vrfy`, `expn`, `etrn` and `quit` by `respond`;
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
  /** The transaction is forgotten, because of RSET. Needs no answer. */
  | { readonly kind: "reset" }
  /** The client goes; whatever is said is the last reply. */
  | { readonly kind: "quit" }
  | {
      readonly kind: "mail";
      /** Empty for the null reverse-path. Without a domain only where the client may leave it out. */
      readonly returnPath: string;
      /** Octets, as declared by SIZE. */
      readonly size?: number;
      readonly eightBit: boolean;
    }
  /** @property address `postmaster` may come without a domain (RFC 5321 §4.5.1), others where the client may leave it out. */
  | { readonly kind: "recipient"; readonly address: string }
  /** Before 354: last chance to refuse without reading the content. */
  | { readonly kind: "data" }
  /** The header section, complete and with its blank line; comes once in a message that is not refused before. */
  | { readonly kind: "header"; readonly octets: Buffer }
  /** The next part of the body, dots unstuffed. */
  | { readonly kind: "content"; readonly octets: Buffer }
  /** The final dot has come; `finish` says what became of the message. */
  | { readonly kind: "end" }
  /**
   * The session itself refuses something that belongs into the log. With `stage` `content`, what was given of the
   * message is void: it is read to its end and answered without another question.
   */
  | { readonly kind: "refused"; readonly stage: "content" | "session"; readonly reply: Reply; readonly command: string }
  /** May TLS begin, and is all there that it needs? */
  | { readonly kind: "starttls" }
  /** Write the output, then begin the handshake; the octets that follow are TLS. */
  | { readonly kind: "handshake" }
  /** Write the output, then close the connection. */
  | { readonly kind: "close" };
