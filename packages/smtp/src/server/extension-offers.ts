/** Extensions that a server may offer to some clients and not to others. */
export interface ExtensionOffers {
  /** RFC 2920 */
  readonly pipelining: boolean;
  /** Pipelining from the first octet on: the client remembers what it was offered before. As Exim has it, without an RFC. */
  readonly pipeConnect: boolean;
  /** RFC 3030 */
  readonly chunking: boolean;
  /** RFC 3461 */
  readonly dsn: boolean;
  /** RFC 6531 */
  readonly smtpUtf8: boolean;
  /** RFC 8689; inside of TLS only. */
  readonly requireTls: boolean;
  /** draft-hall-prdr-00 */
  readonly prdr: boolean;
  /** RFC 9422 */
  readonly limits: boolean;
}
