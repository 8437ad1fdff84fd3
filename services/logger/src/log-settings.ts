import { join } from "node:path";
import type { Policy } from "@postbus/policy";
import type { LogStyle } from "./log-style.ts";
import { datestamp } from "./log-time.ts";

/** Exim's logs. */
export type LogName = "mainlog" | "rejectlog" | "paniclog";

/** What the policy in force says about logs. */
export interface LogSettings extends LogStyle {
  readonly writesRejectlog: boolean;
  /** Where a log stands at a time: `log_file_path` may have the date in it. */
  path(log: LogName, atMs: number): string;
}

/** @param directory Where logs stand for which the policy names no place. @throws {Error} its place cannot be found out. */
export async function logSettings({ log }: Pick<Policy, "log">, directory: string): Promise<LogSettings> {
  const { filePath, timeZone, ...rest } = log;
  const template = (await filePath?.()) ?? join(directory, "%slog");
  return {
    ...rest,
    timeZone,
    path(name, atMs) {
      return template.replaceAll(/%[sDM]/g, (code) => {
        if (code === "%s") return name.slice(0, -"log".length);
        return datestamp(atMs, timeZone, code === "%D" ? "D" : "M");
      });
    },
  };
}
