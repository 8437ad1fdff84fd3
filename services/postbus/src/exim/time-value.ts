const UNITS = [
  [604_800_000, "w"],
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "m"],
  [1_000, "s"],
] as const;

/** A time as configurations write it: `1d12h`. */
export function timeValue(timeMs: number): string {
  let rest = timeMs;
  let text = "";
  for (const [unit, letter] of UNITS) {
    const count = Math.floor(rest / unit);
    rest -= count * unit;
    if (count > 0) text += `${count}${letter}`;
  }
  return text === "" ? "0s" : text;
}
