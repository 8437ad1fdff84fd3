/** How addresses are rewritten: the `srs_…` options of the main section. */
export interface SrsSettings {
  /** The first makes addresses, all of them check. At least one. */
  readonly secrets: readonly string[];
  readonly maxAgeDays: number;
  /** Characters of the hash that is made, and the least that is accepted. */
  readonly hashLength: number;
  readonly hashMin: number;
  readonly usesTimestamp: boolean;
  readonly usesHash: boolean;
  /** `srs_safe_hash`: `_` and `.` instead of `/` and `+`. */
  readonly isHashSafe: boolean;
}

/** What the options say, expanded; lists are split. */
export interface SrsOptions {
  /** `secret:maxage:hashlength:usetimestamp:usehash` */
  readonly config: readonly string[];
  readonly secrets: readonly string[];
  readonly maxAgeDays: number;
  readonly hashLength: number;
  /** Negative: as `hashLength`. */
  readonly hashMin: number;
  readonly usesTimestamp: boolean;
  readonly usesHash: boolean;
  readonly isHashSafe: boolean;
}

const MAX_AGE_DAYS = 365;
const MAX_HASH_LENGTH = 20;

/** @returns what is wrong, in the words of the library that the options come from. */
export function srsSettings(options: SrsOptions): SrsSettings | string {
  const [secret = "", age = "", length = "", timestamp = "", hash = ""] = options.config;
  const secrets = [...(secret === "" ? [] : [secret]), ...options.secrets.filter((one) => one !== "")];
  if (secrets.length === 0) return "SRS Configuration Error: No secret specified";
  const maxAgeDays = numberOf(age, options.maxAgeDays);
  if (!(maxAgeDays >= 0 && maxAgeDays <= MAX_AGE_DAYS)) return "SRS Configuration Error: Invalid maximum timestamp age";
  const hashLength = numberOf(length, options.hashLength);
  if (!(hashLength >= 1 && hashLength <= MAX_HASH_LENGTH)) return "SRS Configuration Error: Invalid hash length";
  return {
    secrets,
    maxAgeDays,
    hashLength,
    hashMin: options.hashMin < 1 ? hashLength : Math.min(options.hashMin, hashLength),
    usesTimestamp: flagOf(timestamp, options.usesTimestamp),
    usesHash: flagOf(hash, options.usesHash),
    isHashSafe: options.isHashSafe,
  };
}

const numberOf = (text: string, otherwise: number): number =>
  text === "" ? otherwise : /^[0-9]{1,6}$/.test(text) ? Number(text) : Number.NaN;

const flagOf = (text: string, otherwise: boolean): boolean => (text === "" ? otherwise : text !== "0");
