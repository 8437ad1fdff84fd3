/** Whether the subject matches cannot be told within the limits of time and memory: neither a match nor none. */
export class RegexLimitError extends Error {
  override readonly name = "RegexLimitError";

  constructor(limit: string, options?: ErrorOptions) {
    super(`regular expression: ${limit}`, options);
  }
}
