/** Where a pattern matched. Offsets count octets. */
export interface RegexMatch {
  readonly index: number;
  /** The first octet behind the match. */
  readonly end: number;
  /** `[0]` is the whole match, `[n]` what group n took, `undefined` where it took no part. */
  readonly groups: readonly (string | undefined)[];
}

/** A compiled pattern in PCRE2's language. Pattern and subject are octet strings (character codes 0 to 255). */
export interface Regex {
  readonly groupCount: number;
  /** What its last search has cost, in steps of 4 to 10 ns: the same for the same search, however busy the machine is. */
  readonly stepsTaken: number;
  /**
   * The first match at or behind `from`; what stands before it is seen by lookbehinds, `\b` and `\G`.
   *
   * @throws {RegexLimitError} it would take too long, too much memory, or the subject has more than 8 MiB.
   */
  exec(subject: string, from?: number): RegexMatch | undefined;
  /**
   * All matches from left to right as Perl's `/g` and Exim's `${sg` find them: behind an empty match, a match that is
   * not empty is tried at the same place first. All of them together may take as many steps as one `exec`.
   *
   * @throws {RegexLimitError} as `exec`, while they are asked for.
   */
  matchAll(subject: string): Iterable<RegexMatch>;
}

export interface RegexOptions {
  /** Letters of ASCII match in either case, unless the pattern says `(?-i)`. */
  readonly caseless?: boolean;
}
