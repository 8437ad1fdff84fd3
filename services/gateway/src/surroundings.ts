import type { Bus } from "@postbus/bus";
import type { MessageIdGenerator } from "@postbus/mail";
import type { RateStore } from "@postbus/rates";
import type { Logger } from "pino";
import type { CoarseClock } from "./coarse-clock.ts";
import type { ForensicReports } from "./dmarc/forensic-reports.ts";
import type { FactQuestions } from "./facts/fact-questions.ts";
import type { LoadLevel } from "./load/load-gauge.ts";
import type { GatewayMetrics } from "./metrics.ts";
import type { OctetBudget } from "./octet-budget.ts";
import type { PolicyParts } from "./policy-parts.ts";
import type { Rejections } from "./rejections.ts";
import type { GatewaySettings } from "./settings.ts";
import type { MailDates } from "./trace/mail-dates.ts";
import type { Watchers } from "./watch/watchers.ts";

/** What all connections of a gateway share. */
export interface Surroundings extends PolicyParts {
  readonly settings: Pick<GatewaySettings, "factsTimeoutMs" | "transactionTimeoutMs" | "decisions" | "data">;
  /** For `ratelimit` and `seen`; absent: they defer. */
  readonly rates?: RateStore | undefined;
  readonly bus: Pick<Bus, "publish" | "request" | "spool" | "events" | "keyValue">;
  readonly questions: FactQuestions;
  readonly forensics: ForensicReports;
  readonly messageIds: MessageIdGenerator;
  readonly budget: OctetBudget;
  readonly clock: CoarseClock;
  readonly dates: MailDates;
  readonly rejections: Rejections;
  /** Connections that are open. */
  readonly connections: () => number;
  /** Of this process, and of its machine. */
  readonly load: { readonly level: LoadLevel; readonly average: number };
  readonly watchers: Watchers;
  readonly metrics: GatewayMetrics;
  readonly log: Logger;
}
