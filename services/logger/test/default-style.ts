import type { MailEvent } from "@postbus/contracts";
import { logLine } from "../src/log-line.ts";
import type { LogSettings } from "../src/log-settings.ts";

/** Selectors that are on by default, as far as lines depend on them. */
const DEFAULT = ["connection_reject", "dkim", "msg_id", "rejected_header", "retry_defer", "smtp_confirmation"];

/** What a policy says that says nothing of logs: routers with `local` in their names deliver here. */
export const defaultStyle: Omit<LogSettings, "path"> = {
  selectors: new Set([...DEFAULT, "tls_certificate_verified", "tls_cipher"]),
  timeZone: undefined,
  showsZone: false,
  writesRejectlog: true,
  isSilent: () => false,
  isAsLocal: (router) => router?.includes("local") === true,
};

export const defaultLine = (event: MailEvent): string => logLine(event, defaultStyle);

/** Logs in a directory, named as without `log_file_path`. */
export const settingsIn = (directory: string) => (): LogSettings => ({
  ...defaultStyle,
  path: (log) => `${directory}/log/${log}`,
});
