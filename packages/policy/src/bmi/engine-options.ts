import type { DriverTable } from "../options/driver-table.ts";
import { type OptionTable, scanner } from "../options/option.ts";

/** What `begin engines` of a BMI file may set for any engine (docs/bmi.md). */
export const engineOptions = {
  driver: scanner("string"),
  message_size_limit: scanner("integer", 0),
  optional: scanner("boolean", false),
  server: scanner("string"),
  timeout: scanner("time", 30_000),
} satisfies OptionTable;

const supported = { kind: "supported", reader: "scanner" } as const;

/** The engines: rspamd over HTTP, SpamAssassin's spamd, ClamAV's clamd. */
export const engineDrivers = {
  rspamd: { status: supported, options: {} },
  spamd: { status: supported, options: { user: scanner("string", "nobody") } },
  clamd: { status: supported, options: {} },
} satisfies Readonly<Record<string, DriverTable>>;

export type EngineKind = keyof typeof engineDrivers;

/** What the answers of engines tell, by the names of questions in a setup. */
export const SAYS: Readonly<Record<EngineKind, ReadonlySet<string>>> = {
  rspamd: new Set(["symbols", "actions", "isSpam", "score"]),
  spamd: new Set(["symbols", "isSpam", "score"]),
  clamd: new Set(["malware"]),
};
