const DAY_MS = 86_400_000;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/** Two characters of five bits: day 1024 has the stamp of day 0. */
const DAYS = 1024;

/** The day, in two characters. */
export function srsTimestamp(nowMs: number): string {
  const day = Math.floor(nowMs / DAY_MS) % DAYS;
  return ALPHABET.charAt(day >> 5) + ALPHABET.charAt(day & 31);
}

/** Whether a stamp is of today or of one of so many days before; letters may have changed their case on the way. */
export function isInTime(stamp: string, maxAgeDays: number, nowMs: number): boolean {
  if (!/^[A-Za-z2-7]{2}$/.test(stamp)) return false;
  const [high = "", low = ""] = stamp.toUpperCase();
  const day = ALPHABET.indexOf(high) * 32 + ALPHABET.indexOf(low);
  const age = (Math.floor(nowMs / DAY_MS) - day + DAYS * DAYS) % DAYS;
  return age <= maxAgeDays;
}
