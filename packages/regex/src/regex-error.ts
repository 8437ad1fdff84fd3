/** The pattern is none: what PCRE2 says of it, and where. The text is Exim's. */
export class RegexError extends Error {
  override readonly name = "RegexError";
  /** PCRE2's text, e.g. `missing closing parenthesis`. */
  readonly reason: string;
  /** Octets of the pattern before the place of the error. */
  readonly offset: number;

  constructor(pattern: string, reason: string, offset: number) {
    super(`regular expression error in "${pattern}": ${reason} at offset ${offset}`);
    this.reason = reason;
    this.offset = offset;
  }
}
