import { commonSettings } from "@postbus/service-kit";
import { type Static, Type } from "typebox";

/** Settings of the process. */
export const LoggerConfig = Type.Object({
  ...commonSettings,
  /**
   * Under which name the place in the record of events is kept. Two loggers with different names each write
   * everything to a log of their own; of two with the same name, the one started last goes on.
   */
  loggerName: Type.String({ default: "logger", minLength: 1, maxLength: 100 }),
  /** How long the history knows a message, in days. Longer than the last retry (Exim's default rule: 4 days). */
  historyDays: Type.Integer({ default: 30, minimum: 1, maximum: 3_650 }),
  /** SQLite: above so many megabytes the oldest messages are forgotten earlier. A message takes about 1 KB. */
  historyMegabytes: Type.Integer({ default: 10_000, minimum: 10, maximum: 10_000_000 }),
});
export type LoggerConfig = Static<typeof LoggerConfig>;
