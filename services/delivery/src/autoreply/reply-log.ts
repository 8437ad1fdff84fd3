import type { Reply } from "@postbus/policy";
import { LocalError } from "../local/local-error.ts";
import type { RunAs } from "../programs/run-as.ts";
import { systemError } from "../system-error.ts";
import { openToAppend } from "./owned-file.ts";

/** Octets of one address in it. */
const MAX_ADDRESS = 200;

/** What the transport's `log` gets to know of a reply that was sent. */
export function sentEntry({ from, to, cc, bcc, subject, headers }: Reply): string {
  const lines = [
    ["From", from],
    ["To", to],
    ["Cc", cc],
    ["Bcc", bcc],
    ["Subject", subject],
  ] as const;
  const text = lines.map(([name, value]) => (value === "" ? "" : `  ${name}: ${value}\n`)).join("");
  return headers === "" ? text : `${text}  ${headers}\n`;
}

/** Of one that was not, since there was one before. */
export const previouslySent = ({ to }: Reply): string => `  previously sent to ${to.slice(0, MAX_ADDRESS)}\n`;

/** Writes to it. It is a convenience: what cannot be written does not hold up mail. */
export async function writeLog(
  path: string,
  mode: number,
  entry: string,
  atMs: number,
  as: RunAs | undefined,
): Promise<void> {
  try {
    await using file = await openToAppend(path, mode, as);
    await file.appendFile(Buffer.from(`${timeStamp(new Date(atMs))}\n${entry}`, "latin1"));
  } catch (err) {
    if (!(err instanceof LocalError) && systemError(err) === undefined) throw err;
  }
}

/** Local time, as in Exim's log: `2026-11-21 01:36:36`. */
function timeStamp(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
