/** What a session is to do of what SMTP has. */
export interface ClientSessionOptions {
  /** Our name in EHLO. */
  readonly heloName: string;
  /** For error texts: `host [address]`. */
  readonly host: string;
  /**
   * `never`: clear text, even where TLS is offered (after TLS has failed). `offered`: where the peer offers it.
   * `required`: or no session.
   */
  readonly tls: "never" | "offered" | "required";
  /** There is no session with a peer that does not offer REQUIRETLS inside of TLS (RFC 8689 §4.2.1). */
  readonly requiresRequireTls?: boolean;
  /** LMTP (RFC 2033). */
  readonly isLmtp?: boolean;
  /** TLS comes before the greeting (RFC 8314 §3.3). */
  readonly startsWithTls?: boolean;
  /** HELO, and nothing of what a peer may offer. */
  readonly avoidsEsmtp?: boolean;
  readonly avoidsPipelining?: boolean;
  /** BDAT, where the peer offers CHUNKING. */
  readonly triesChunking?: boolean;
  readonly triesPrdr?: boolean;
  /** A 4yz to STARTTLS ends the session, unless the peer may be talked to in clear text: then that is done. */
  readonly waitsForTls?: boolean;
  /** AUTH: where the peer offers it, or no session without. */
  readonly auth?: "try" | "require" | undefined;
  /** See `DialogueTerms`; 1024. */
  readonly sizeAddition?: number;
  /** IGNOREQUOTA, where the peer offers it. */
  readonly ignoresQuota?: boolean;
}
