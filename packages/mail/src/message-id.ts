import { createHash, randomBytes } from "node:crypto";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Exim's message id since 4.97: seconds, process, fraction in base 62 (spec: spool files §3). Sorts by time. */
export const messageIdPattern = "^[0-9A-Za-z]{6}-[0-9A-Za-z]{11}-[0-9A-Za-z]{4}$";

const MICROSECONDS = 1_000_000;

/** `value` as `width` digits of base 62, most significant first; higher digits are cut. */
function base62(value: number | bigint, width: number): string {
  if (typeof value === "number") return base62Number(value, width);
  let rest = value;
  let text = "";
  for (let i = 0; i < width; i++) {
    text = DIGITS.charAt(Number(rest % 62n)) + text;
    rest /= 62n;
  }
  return text;
}

/** The same for safe integers, without the cost of big ones: every message needs it. */
function base62Number(value: number, width: number): string {
  let rest = value;
  let text = "";
  for (let i = 0; i < width; i++) {
    text = DIGITS.charAt(rest % 62) + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}

/** Makes message ids that no other process makes: the middle part is drawn at random once per generator. */
export class MessageIdGenerator {
  readonly #now: () => number;
  readonly #process: string;
  #seconds = "";
  #secondsOf = -1;
  #lastTick = 0;

  /** @param now Milliseconds since the epoch. @param processNumber Below 2^64; by default 64 random bits. */
  constructor(now: () => number = Date.now, processNumber: bigint = randomBytes(8).readBigUInt64BE()) {
    this.#now = now;
    this.#process = base62(processNumber, 11);
  }

  /** Never gives the same id twice, also when the clock stands still or is set back: the tick then runs ahead of it. */
  next(): string {
    const tick = Math.max(Math.floor(this.#now() * 1000), this.#lastTick + 1);
    this.#lastTick = tick;
    const seconds = Math.floor(tick / MICROSECONDS);
    if (seconds !== this.#secondsOf) {
      this.#secondsOf = seconds;
      this.#seconds = base62(seconds, 6);
    }
    return `${this.#seconds}-${this.#process}-${base62(tick % MICROSECONDS, 4)}`;
  }
}

/**
 * The id of a message that is made because of another (a bounce, a delay warning): the same however often the cause
 * is handled, so that a repetition is recognised.
 *
 * @param cause Names the occasion, e.g. an item id and `bounce`.
 * @param atMs Of the occasion, not of the call: it must be the same the second time.
 */
export function derivedMessageId(cause: string, atMs: number): string {
  const hash = createHash("sha256").update(cause).digest();
  const seconds = base62(Math.floor(atMs / 1000), 6);
  return `${seconds}-${base62(hash.readBigUInt64BE(0), 11)}-${base62(hash.readUInt32BE(8) % MICROSECONDS, 4)}`;
}

/** Milliseconds since the epoch at which the id was made, to the second. */
export function messageIdTimeMs(id: string): number {
  let seconds = 0;
  for (const digit of id.slice(0, 6)) seconds = seconds * 62 + DIGITS.indexOf(digit);
  return seconds * 1000;
}
