import type { Bus } from "@postbus/bus";
import type { MessageIdGenerator } from "@postbus/mail";
import type { Policy } from "@postbus/policy";
import type { SessionProfile } from "@postbus/smtp";
import type { TlsContext } from "@postbus/tls";
import type { Logger } from "pino";
import type { CoarseClock } from "./coarse-clock.ts";
import type { FactQuestions } from "./facts/fact-questions.ts";
import type { GatewayMetrics } from "./metrics.ts";
import type { OctetBudget } from "./octet-budget.ts";
import type { Rejections } from "./rejections.ts";
import type { GatewaySettings } from "./settings.ts";

/** What all connections of a gateway share. */
export interface Surroundings {
  readonly settings: Pick<GatewaySettings, "factsTimeoutMs" | "transactionTimeoutMs">;
  readonly policy: Policy;
  readonly profile: SessionProfile;
  readonly bus: Pick<Bus, "publish" | "spool">;
  readonly questions: FactQuestions;
  readonly messageIds: MessageIdGenerator;
  readonly budget: OctetBudget;
  readonly clock: CoarseClock;
  readonly rejections: Rejections;
  readonly metrics: GatewayMetrics;
  readonly log: Logger;
  /** Absent: STARTTLS is not offered. */
  readonly tls?: TlsContext | undefined;
}
