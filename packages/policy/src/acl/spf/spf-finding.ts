/** What has been found out about a client by SPF (RFC 7208), besides the result. */
export interface SpfFinding {
  /** Whose record it was, in A-labels. */
  readonly domain: string;
  /** What has decided: a mechanism, or that none has matched; absent: nothing has, or it is not known. */
  readonly reason?: "mechanism" | "default";
  /** What is wrong with the record, or with the DNS. */
  readonly problem?: string;
  /** The domain has no record: it was that of `spf_guess`. */
  readonly isGuess?: boolean;
}
