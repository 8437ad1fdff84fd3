import { isAbsolute, join } from "node:path";
import { type Policy, parseMailbox } from "@postbus/policy";
import type { AggregateSettings } from "./dmarc/aggregate-reports.ts";
import type { LogStyle } from "./log-style.ts";
import { datestamp } from "./log-time.ts";

/** Exim's logs. */
export type LogName = "mainlog" | "rejectlog" | "paniclog";

/** `dmarc_history_file`, and whose name stands in it. */
export interface DmarcHistory {
  readonly path: string;
  readonly reporter: string;
}

/** What the policy in force says about logs. */
export interface LogSettings extends LogStyle {
  readonly writesRejectlog: boolean;
  /** Absent: no aggregate reports are sent. */
  readonly aggregates?: AggregateSettings | undefined;
  /** Absent: no history is written. */
  readonly dmarcHistory?: DmarcHistory | undefined;
  /** Where a log stands at a time: `log_file_path` may have the date in it. */
  path(log: LogName, atMs: number): string;
}

/** @param directory Where logs stand for which the policy names no place. @throws {Error} its place cannot be found out. */
export async function logSettings(
  { log, dmarc, reports, primaryHostname }: Pick<Policy, "log" | "dmarc" | "reports" | "primaryHostname">,
  directory: string,
): Promise<LogSettings> {
  const { filePath, timeZone, ...rest } = log;
  const template = (await filePath?.()) ?? join(directory, "%slog");
  const sender = ((await dmarc.aggregateSender?.()) ?? "").replace(/[\r\n]+/g, " ").trim();
  if (sender !== "" && (parseMailbox(sender)?.domain ?? "") === "") {
    throw new Error(`dmarc_aggregate_sender: no address: "${sender}"`);
  }
  const history = (await dmarc.historyFile?.()) ?? "";
  if (history !== "" && !isAbsolute(history)) throw new Error(`dmarc_history_file: no absolute path: "${history}"`);
  return {
    ...rest,
    aggregates:
      sender === ""
        ? undefined
        : {
            hostname: primaryHostname,
            from: sender,
            authenticatedSender: reports.authenticatedSender,
            suffixFile: await dmarc.suffixFile?.(),
          },
    dmarcHistory: history === "" ? undefined : { path: history, reporter: primaryHostname },
    timeZone,
    path(name, atMs) {
      return template.replaceAll(/%[sDM]/g, (code) => {
        if (code === "%s") return name.slice(0, -"log".length);
        return datestamp(atMs, timeZone, code === "%D" ? "D" : "M");
      });
    },
  };
}
