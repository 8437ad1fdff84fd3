/** A client that sends content more slowly than this, averaged, after `GRACE_MS`, holds a connection and gives nothing. */
const MIN_OCTETS_PER_MINUTE = 1_024;
const GRACE_MS = 60_000;
/** A handshake must be done by then; Exim counts it to its command timeout. */
const HANDSHAKE_TIMEOUT_MS = 60_000;

interface Limits {
  /** Without an octet from the client: `smtp_receive_timeout`; 0: no limit, as in Exim. */
  readonly receiveTimeoutMs: number;
  readonly transactionTimeoutMs: number;
}

/** What the client is at. */
interface Doing {
  readonly isHandshaking: boolean;
  /** Of a message, or a chunk that nobody wants. */
  readonly isContent: boolean;
  readonly isInTransaction: boolean;
}

/** How long one client has taken for what. All times are those of the coarse clock, in milliseconds. */
export class Deadlines {
  lastInputMs: number;
  #transactionStartMs = 0;
  #contentStartMs = 0;
  #contentOctets = 0;
  #isSkipping = false;

  constructor(nowMs: number) {
    this.lastInputMs = nowMs;
  }

  beginTransaction(nowMs: number): void {
    this.#transactionStartMs = nowMs;
  }

  beginContent(nowMs: number): void {
    this.#contentStartMs = nowMs;
    this.#contentOctets = 0;
  }

  /** Before input is waited for. @param isSkipping Content comes that is no message's: a chunk that was refused. */
  noteSkipping(isSkipping: boolean, nowMs: number): void {
    if (isSkipping && !this.#isSkipping) this.beginContent(nowMs);
    this.#isSkipping = isSkipping;
  }

  noteContent(octets: number): void {
    this.#contentOctets += octets;
  }

  /** @returns Which of them has passed, in words for the client and the log; undefined: none. */
  expired(nowMs: number, { receiveTimeoutMs, transactionTimeoutMs }: Limits, doing: Doing): string | undefined {
    const { isHandshaking, isContent, isInTransaction } = doing;
    const silenceMs = receiveTimeoutMs > 0 ? receiveTimeoutMs : Number.POSITIVE_INFINITY;
    const idleLimitMs = isHandshaking ? Math.min(HANDSHAKE_TIMEOUT_MS, silenceMs) : silenceMs;
    if (nowMs - this.lastInputMs > idleLimitMs) {
      return isContent ? "SMTP incoming data timeout" : "SMTP command timeout";
    }
    if (isInTransaction && nowMs - this.#transactionStartMs > transactionTimeoutMs) return "SMTP transaction timeout";
    const contentMs = nowMs - this.#contentStartMs;
    const isSlow = contentMs > GRACE_MS && this.#contentOctets < (contentMs / 60_000) * MIN_OCTETS_PER_MINUTE;
    return isContent && isSlow ? "SMTP incoming data too slow" : undefined;
  }
}
