/** Long enough for a domain name with words around it. */
const MAX_COMMENT = 300;

/**
 * Words of a peer (out of a header field, a DNS record) made fit for a log line, a bus header and a comment: printable
 * ASCII, one line, bounded.
 */
export function cleanText(text: string, maxLength = MAX_COMMENT): string {
  return text
    .slice(0, maxLength)
    .replace(/[^\x20-\x7e]/g, " ")
    .trim();
}
