/** What an engine has said about a message, whichever it is. */
export interface Findings {
  /** Names of what has fired: rspamd's symbols, SpamAssassin's tests. */
  readonly symbols: readonly string[];
  /** What it recommends; empty: it recommends nothing. */
  readonly action: string;
  /** Undefined: it cannot tell. */
  readonly isSpam: boolean | undefined;
  readonly score: number | undefined;
  /** Of what was found; empty: nothing. */
  readonly malware: string;
}
