import type { LogStyle } from "./log-style.ts";

/** One second as text, and its zone: events come in bursts, so it is made once. */
let last = { second: -1, timeZone: undefined as string | undefined, text: "", zone: "" };
const formats = new Map<string | undefined, Intl.DateTimeFormat>();

/** `YYYY-MM-DD HH:MM:SS[.mmm][ ±hhmm][ [pid]]`, as Exim's logs begin. Without `timezone`, in local time. */
export function logTime(
  atMs: number,
  { selectors, timeZone, showsZone }: Pick<LogStyle, "selectors" | "timeZone" | "showsZone">,
): string {
  const second = Math.floor(atMs / 1_000);
  if (second !== last.second || timeZone !== last.timeZone) last = { second, timeZone, ...textOf(second, timeZone) };
  let line = last.text;
  if (selectors.has("millisec")) line += `.${String(Math.trunc(atMs) - second * 1_000).padStart(3, "0")}`;
  if (showsZone) line += ` ${last.zone}`;
  if (selectors.has("pid")) line += ` [${process.pid}]`;
  return line;
}

/** `YYYYMMDD`, `YYYYMM`: `%D` and `%M` of `log_file_path`. */
export function datestamp(atMs: number, timeZone: string | undefined, kind: "D" | "M"): string {
  const { text } = textOf(Math.floor(atMs / 1_000), timeZone);
  return text.slice(0, kind === "D" ? 10 : 7).replaceAll("-", "");
}

function textOf(second: number, timeZone: string | undefined): { readonly text: string; readonly zone: string } {
  const parts = Object.fromEntries(
    formatOf(timeZone)
      .formatToParts(second * 1_000)
      .map(({ type, value }) => [type, value]),
  ) as Record<"year" | "month" | "day" | "hour" | "minute" | "second", string>;
  const { year, month, day, hour, minute } = parts;
  const asUtc = Date.UTC(+year, +month - 1, +day, +hour, +minute, +parts.second) / 1_000;
  const offset = Math.round((asUtc - second) / 60);
  const [ahead, minutes] = [offset < 0 ? "-" : "+", Math.abs(offset)];
  const zone = `${ahead}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`;
  return { text: `${year}-${month}-${day} ${hour}:${minute}:${parts.second}`, zone };
}

function formatOf(timeZone: string | undefined): Intl.DateTimeFormat {
  return formats.getOrInsertComputed(timeZone, () => {
    const fields = {
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
    } as const;
    try {
      return new Intl.DateTimeFormat("en-US", { ...fields, ...(timeZone ? { timeZone } : {}) });
    } catch {
      // A zone that this machine does not know, or POSIX' way to write one: Exim's C library takes UTC then.
      return new Intl.DateTimeFormat("en-US", { ...fields, timeZone: "UTC" });
    }
  });
}

const two = (n: number): string => String(n).padStart(2, "0");
