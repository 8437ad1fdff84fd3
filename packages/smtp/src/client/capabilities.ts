import type { PeerReply } from "./reply-parser.ts";

/** What the peer offers in its answer to EHLO, as far as we use it. */
export interface Capabilities {
  /** RFC 2920 */
  readonly pipelining: boolean;
  /** RFC 1870 */
  readonly size: boolean;
  /** RFC 6152 */
  readonly eightBitMime: boolean;
  /** RFC 3461 */
  readonly dsn: boolean;
  /** RFC 6531 */
  readonly smtpUtf8: boolean;
  /** RFC 3207 */
  readonly startTls: boolean;
  /** RFC 8689 */
  readonly requireTls: boolean;
  /** RFC 9422 LIMITS; absent: none was named. */
  readonly maxRecipients?: number;
  readonly maxMessages?: number;
}

/** After HELO, nothing may be taken for granted. */
export const noCapabilities: Capabilities = {
  pipelining: false,
  size: false,
  eightBitMime: false,
  dsn: false,
  smtpUtf8: false,
  startTls: false,
  requireTls: false,
};

/** The first line of the answer is the peer's name, the others are keywords with parameters (RFC 5321 §4.1.1.1). */
export function parseCapabilities(reply: PeerReply): Capabilities {
  const lines = new Map<string, string>();
  for (const line of reply.text.split("\n").slice(1)) {
    const [keyword = "", ...parameters] = line
      .slice(4)
      .trim()
      .split(/[ \t]+/);
    lines.set(keyword.toUpperCase(), parameters.join(" "));
  }
  const limits = lines.get("LIMITS") ?? "";
  const maxRecipients = limit(limits, "RCPTMAX");
  const maxMessages = limit(limits, "MAILMAX");
  return {
    pipelining: lines.has("PIPELINING"),
    size: lines.has("SIZE"),
    eightBitMime: lines.has("8BITMIME"),
    dsn: lines.has("DSN"),
    smtpUtf8: lines.has("SMTPUTF8"),
    startTls: lines.has("STARTTLS"),
    requireTls: lines.has("REQUIRETLS"),
    ...(maxRecipients === undefined ? {} : { maxRecipients }),
    ...(maxMessages === undefined ? {} : { maxMessages }),
  };
}

/** RFC 9422 §3: one to six digits, not starting with zero; what is not so is as if it were not there. */
function limit(limits: string, name: string): number | undefined {
  const found = new RegExp(`(?:^| )${name}=([1-9][0-9]{0,5})(?: |$)`, "i").exec(limits);
  return found === null ? undefined : Number(found[1]);
}
