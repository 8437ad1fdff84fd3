/** Clocks differ: what ends now by ours may not have by the signer's. */
const SKEW_MS = 300_000;

/** Whether a signature's time has ended (`x=`, RFC 6376 §3.5). @param expires Seconds since the epoch; undefined: never. */
export const hasExpired = (expires: number | undefined, nowMs: number): boolean =>
  expires !== undefined && expires * 1000 + SKEW_MS < nowMs;
