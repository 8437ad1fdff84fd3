/** A moment in a time zone, as numbers and with the zone's distance from UTC. */
interface Moment {
  readonly year: string;
  readonly month: string;
  readonly day: string;
  readonly hour: string;
  readonly minute: string;
  readonly second: string;
  readonly weekday: string;
  readonly monthName: string;
  /** `+0100`. */
  readonly zone: string;
}

type Clock = (nowMs: number, timeZone: string) => string;

const calendar =
  (format: (moment: Moment) => string): Clock =>
  (nowMs, timeZone) =>
    format(momentAt(nowMs, timeZone));

/** `$tod_…`: the time of day, in the forms of Exim's logs, of mail headers, of mailboxes. */
export const clockVariables: ReadonlyMap<string, Clock> = new Map<string, Clock>([
  ["tod_bsdinbox", calendar((m) => `${m.weekday} ${m.monthName} ${m.day} ${time(m)} ${m.year}`)],
  ["tod_epoch", (nowMs) => String(Math.floor(nowMs / 1000))],
  ["tod_epoch_l", (nowMs) => String(Math.floor(nowMs * 1000))],
  ["tod_full", calendar((m) => `${m.weekday}, ${m.day} ${m.monthName} ${m.year} ${time(m)} ${m.zone}`)],
  ["tod_log", calendar((m) => `${m.year}-${m.month}-${m.day} ${time(m)}`)],
  ["tod_logfile", calendar((m) => m.year + m.month + m.day)],
  ["tod_zone", calendar((m) => m.zone)],
  ["tod_zulu", (nowMs) => compact(momentAt(nowMs, "UTC"))],
]);

const time = ({ hour, minute, second }: Moment): string => `${hour}:${minute}:${second}`;
const compact = (m: Moment): string => `${m.year}${m.month}${m.day}${m.hour}${m.minute}${m.second}Z`;

const formats = new Map<string, Intl.DateTimeFormat>();

function momentAt(nowMs: number, timeZone: string): Moment {
  const part = new Map(
    formatOf(timeZone)
      .formatToParts(nowMs)
      .map(({ type, value }) => [type, value]),
  );
  const get = (type: Intl.DateTimeFormatPartTypes): string => part.get(type) ?? "";
  const month = get("month");
  return {
    year: get("year"),
    month,
    day: get("day"),
    hour: get("hour"),
    minute: get("minute"),
    second: get("second"),
    weekday: get("weekday"),
    monthName: MONTHS[Number(month) - 1] ?? "",
    zone: get("timeZoneName")
      .replace(/^GMT$/, "+0000")
      .replace(/^GMT|:/g, ""),
  };
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Making one takes milliseconds; a policy has one time zone. */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    weekday: "short",
    timeZoneName: "longOffset",
  });
  formats.set(timeZone, format);
  return format;
}
