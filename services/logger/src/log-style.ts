import type { LogPolicy } from "@postbus/policy";

/** What of the policy a line depends on. */
export type LogStyle = Pick<LogPolicy, "selectors" | "timeZone" | "showsZone" | "isAsLocal" | "isSilent">;

/** ` DT=0.107s`, ` D=2m4s`: as Exim writes spans of time, in parts of a second only with `millisec` and below five. */
export function span(ms: number, { selectors }: Pick<LogStyle, "selectors">): string {
  if (selectors.has("millisec") && ms < 5_000) return `${(ms / 1_000).toFixed(3)}s`;
  const seconds = Math.floor(ms / 1_000);
  let text = "";
  let left = seconds;
  for (const [unit, length] of UNITS) {
    const count = Math.floor(left / length);
    left -= count * length;
    if (count > 0) text += `${count}${unit}`;
  }
  return text === "" ? "0s" : text;
}

const UNITS = [
  ["w", 604_800],
  ["d", 86_400],
  ["h", 3_600],
  ["m", 60],
  ["s", 1],
] as const;

/** `[address]:port`; the port only where it is known. */
export const endOf = (address: string, port: number | undefined): string =>
  port === undefined ? `[${address}]` : `[${address}]:${port}`;

/** ` I=[address]:port`: our end of a connection. */
export const ownEnd = ({
  localAddress,
  localPort,
}: {
  readonly localAddress?: string;
  readonly localPort?: number;
}): string => (localAddress === undefined ? "" : ` I=${endOf(localAddress, localPort)}`);
