const MAX_OCTETS = 320;

/**
 * Words of a peer for a comment in Authentication-Results (RFC 5322 §3.2.2): what could end it is escaped, what could end the
 * line is replaced, and so is what begins another result for readers who do not know comments.
 */
export const resultComment = (words: string): string =>
  words
    .slice(0, MAX_OCTETS)
    .replace(/[^ -~]|[;"]/g, "?")
    .replace(/[()\\]/g, "\\$&");
