import type { Macros } from "../config/macros.ts";
import type { Problems } from "../config/problems.ts";
import { absolutePath, boolean, positive, timeout, word } from "../config/values.ts";
import { nextHops } from "./next-hops.ts";
import { parseRetryRule } from "./retry-rule.ts";

/**
 * Until routers, transports and retry rules can be written in the file, these macros of it say what the built-in ones
 * need. Macros mean nothing by themselves in Exim, so a file that sets them stays valid.
 */
export const macroSettings = {
  /** Next hops of mail for other domains, tried in this order; empty: there are none. */
  SMARTHOST: nextHops,
  /** Where mailboxes are: `MAILDIR/<domain>/<local part>`. */
  MAILDIR: absolutePath,
  /** Steps of the retry rule for every address. */
  RETRY: parseRetryRule,
  /** Whose mail is verified (SPF, DKIM, DMARC): of clients that may not relay and to local domains; all; none. */
  VERIFY: word("inbound", "all", "none"),
  /** Whether messages are shown to the scanner. */
  SCAN: boolean,
  SMTP_CONNECT_TIMEOUT: timeout,
  SMTP_COMMAND_TIMEOUT: timeout,
  SMTP_DATA_TIMEOUT: timeout,
  SMTP_FINAL_TIMEOUT: timeout,
  /** Recipients in one transaction. */
  SMTP_MAX_RCPT: positive,
  SMTP_CONNECTION_MAX_MESSAGES: positive,
  /** Connections to one host at one time, from one process. */
  SMTP_MAX_CONNECTIONS: positive,
  /** No clear text to next hops. */
  SMTP_REQUIRE_TLS: boolean,
};

export type MacroSettings = { [K in keyof typeof macroSettings]?: ReturnType<(typeof macroSettings)[K]> };

export function readMacroSettings(macros: Macros, problems: Problems): MacroSettings {
  const settings: Record<string, unknown> = {};
  for (const [name, read] of Object.entries(macroSettings)) {
    const macro = macros.get(name);
    if (macro !== undefined) settings[name] = problems.try(macro.where, () => read(macro.value.trim()), name);
  }
  return settings;
}
