const UNITS = [
  ["w", 604_800],
  ["d", 86_400],
  ["h", 3_600],
  ["m", 60],
  ["s", 1],
] as const;

const SECONDS: ReadonlyMap<string, number> = new Map(UNITS);

/** Seconds of Exim's `1w2d3h4m5s`; undefined if it is no interval. A number needs its unit. */
export function parseInterval(text: string): number | undefined {
  if (!/^(?:[0-9]{1,12}[wdhms])+$/.test(text) || text.length > 100) return undefined;
  let seconds = 0;
  for (const [, count = "", unit = ""] of text.matchAll(/([0-9]+)([wdhms])/g)) {
    seconds += Number(count) * (SECONDS.get(unit) ?? 0);
  }
  return seconds;
}

/** Exim's form of a number of seconds, without the units of which there is none: `1d2h3m4s`, `0s`. */
export function formatInterval(seconds: number): string {
  let rest = seconds;
  let text = "";
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) text += `${count}${unit}`;
  }
  return text === "" ? "0s" : text;
}
