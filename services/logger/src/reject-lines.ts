import type { Rejected, Written } from "@postbus/contracts";
import { logLine } from "./log-line.ts";
import type { LogStyle } from "./log-style.ts";
import { printable } from "./printable.ts";

/** What Exim has room for in a line with all that follows it. */
const MAX_OCTETS = 8_192;

/** What stands in the rejectlog of an event: the mainlog's line, and of a message that was refused, envelope and header section. */
export function rejectLines(event: Rejected | Written, style: LogStyle): readonly string[] {
  if (!isForRejectlog(event)) return [];
  const line = logLine({ ...event, targets: ["main"] }, style);
  if (event.name !== "smtp:reject" || event.details === undefined) return [line];
  if (!style.selectors.has("rejected_header")) return [line];
  const details = event.details.split("\n").map(printableLine).join("\n");
  const left = MAX_OCTETS - line.length;
  return details.length <= left ? [line, `${details}\n`] : [line, `${details.slice(0, left)}\n*** truncated ***\n\n`];
}

/** As in Exim, what no command was refused for is in the mainlog only. */
function isForRejectlog(event: Rejected | Written): boolean {
  if (event.targets !== undefined) return event.targets.includes("reject");
  return event.name === "smtp:reject" && event.ofHandshake !== true && event.ofConnection !== true;
}

/** The blanks that fold a field stay. */
const printableLine = (line: string): string => line.split("\t").map(printable).join("\t");
