import type { Bus } from "@postbus/bus";
import type { Recipient, SpoolReference } from "@postbus/contracts";
import type { AttemptResult } from "./attempt-result.ts";
import type { QueueRules } from "./queue-rules.ts";
import type { ReportPolicy } from "./report-policy.ts";
import type { RetryStep } from "./retry-delay.ts";

export interface Attempted {
  /** One of the item's recipients, as it stands in the item. */
  readonly recipient: Recipient;
  readonly result: AttemptResult;
  /** Where the decision came from, for the log; absent: as the item says, if it says so. */
  readonly router?: string;
  readonly transport?: string;
  /** `errors_to` of the routers, where neither the item nor the recipient has it yet; empty: failures make no report. */
  readonly errorsTo?: string;
}

export interface ConcludeContext {
  readonly service: "router" | "delivery";
  readonly nowMs: number;
  /** From 0 up to but not including 1. */
  readonly random: () => number;
  readonly primaryHostname: string;
  /** `qualify_domain`: whose Mailer-Daemon writes bounces; absent: `primaryHostname`. */
  readonly qualifyDomain?: string;
  /** `log_selector`, if it asks for more of a delivery than is known anyway. */
  readonly logged?: ReadonlySet<string> | undefined;
  /** How long the attempt took, and octets that it has sent or written to each recipient: for `logged`. */
  readonly tookMs?: number;
  readonly sentOctets?: number;
  /** What the operator says about reports; absent: Exim's defaults, and no warnings. */
  readonly reports?: ReportPolicy;
  readonly retryRule: (address: string) => readonly RetryStep[];
  /** Absent: Exim's defaults. */
  readonly rules?: QueueRules;
  /** `bus.spool.read`: bounces quote the header section of large messages; without it they do not. */
  readonly readSpooled?: (reference: SpoolReference) => AsyncIterable<Buffer>;
  /** `bus.spool.create`: bounces that return large messages are stored; without it they return header sections. */
  readonly createSpooled?: Bus["spool"]["create"];
}
