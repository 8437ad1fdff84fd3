import { ExpansionFailure } from "../../expansion/failures.ts";
import { parseInterval } from "../../expansion/interval.ts";
import { splitList } from "../../matching/split-list.ts";

/** What is measured (Exim's manual, "Ratelimit measures"). */
export type RateMeasure = "per_mail" | "per_conn" | "per_cmd" | "per_rcpt" | "per_addr" | "per_byte";

/** What becomes of the counter. */
export type RateUpdate = "leaky" | "strict" | "readonly";

/** A `ratelimit` condition, read. */
export interface RateLimit {
  readonly limit: number;
  readonly periodSeconds: number;
  /** As written: `$sender_rate_limit`, `$sender_rate_period`. */
  readonly limitText: string;
  readonly periodText: string;
  readonly measure: RateMeasure;
  /** Nobody has named a measure: that is `per_mail`, and as in Exim it may be used before MAIL and behind the message, too. */
  readonly isUsual: boolean;
  /** Undefined: `leaky`, or `readonly` where the measure's unit is not known. */
  readonly update: RateUpdate | undefined;
  /** Undefined: as many as the measure says. */
  readonly count: number | undefined;
  readonly unique: string | undefined;
  /** Undefined: the client's address. */
  readonly key: string | undefined;
}

const MEASURES: ReadonlySet<string> = new Set<RateMeasure>([
  "per_mail",
  "per_conn",
  "per_cmd",
  "per_rcpt",
  "per_addr",
  "per_byte",
]);
const UPDATES: ReadonlyMap<string, RateUpdate> = new Map<string, RateUpdate>([
  ["leaky", "leaky"],
  ["strict", "strict"],
  ["readonly", "readonly"],
]);
const SHIFT: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Reads `limit / period / option / … / key`. @throws {ExpansionFailure} it is none. */
export function readRateLimit(text: string): RateLimit {
  const [limitText = "", periodText = "", ...words] = splitList(`</${text}`).items;
  const limit = readNumber(limitText);
  if (limit === undefined) throw wrong(text, "malformed limit");
  const periodSeconds = parseInterval(periodText);
  if (periodSeconds === undefined || periodSeconds <= 0) throw wrong(text, "missing or malformed period");
  let measure: RateMeasure | undefined;
  let update: RateUpdate | undefined;
  let isOnlyRead = false;
  let count: number | undefined;
  let unique: string | undefined;
  let key: string | undefined;
  for (const word of words) {
    const lower = word.toLowerCase();
    const mode = UPDATES.get(lower);
    if (mode !== undefined) {
      if (update !== undefined && update !== mode) throw wrong(text, "conflicting update modes");
      update = mode;
    } else if (lower === "noupdate") {
      // The name of `readonly` in older versions, beside which the others were named.
      isOnlyRead = true;
    } else if (MEASURES.has(lower)) {
      if (measure !== undefined && measure !== lower) throw wrong(text, "conflicting per_* options");
      measure = lower as RateMeasure;
    } else if (lower.startsWith("count=")) {
      count = readNumber(word.slice("count=".length));
      if (count === undefined) throw wrong(text, "malformed count");
    } else if (lower.startsWith("unique=")) unique = word.slice("unique=".length);
    else key = key === undefined ? word : `${key}/${word}`;
  }
  return {
    limit,
    periodSeconds,
    limitText,
    periodText,
    measure: measure ?? "per_mail",
    isUsual: measure === undefined,
    update: isOnlyRead ? "readonly" : update,
    count,
    unique,
    key,
  };
}

function readNumber(text: string): number | undefined {
  const [, digits, suffix = ""] = /^([0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})([KMG]?)$/i.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * (SHIFT[suffix.toLowerCase()] ?? 1);
}

const wrong = (text: string, problem: string): ExpansionFailure =>
  new ExpansionFailure(`error in arguments to "ratelimit" condition: ${problem}: "${text}"`);
