import type { DeliveryItem, RouteItem } from "@postbus/contracts";
import type { ReportKind, ReturnLimits, Wording } from "@postbus/dsn";

/** What the operator has to say about the reports that are made of his mail. */
export interface ReportPolicy {
  readonly limits: ReturnLimits;
  /** `bounce_sender_authentication`: as whom reports are sent to hosts that we authenticate to. */
  readonly authenticatedSender?: string | undefined;
  /** `delay_warning`: ages of a message, in milliseconds, at which a warning is due; the last gap repeats. */
  readonly delayWarningsMs: readonly number[];
  /** Never throws: what cannot be expanded now has a default. */
  terms(request: ReportRequest): Promise<ReportTerms>;
}

export interface ReportRequest {
  readonly kind: ReportKind;
  readonly item: RouteItem | DeliveryItem;
  /** The message's header section; more may stand behind it. */
  readonly content: Buffer;
  readonly to: string;
  /** Of a warning: for how long the message has been waiting, in words. */
  readonly delay?: string | undefined;
  readonly recipients: readonly string[];
}

/** What holds for one report. */
export interface ReportTerms {
  /** False: `delay_warning_condition` does not hold. */
  readonly isWanted: boolean;
  readonly wording: Wording;
  /** `errors_copy`: further recipients. */
  readonly copies: readonly string[];
  /** What could not be expanded or read; for the log. */
  readonly problems: readonly string[];
}

/** Where no policy says anything: Exim's defaults. */
export function defaultReports(qualifyDomain: string): ReportPolicy {
  const wording: Wording = {
    from: `Mail Delivery System <Mailer-Daemon@${qualifyDomain}>`,
    charset: "us-ascii",
    givesDetails: true,
  };
  return {
    limits: { returnsMessage: true, returnsBody: true, sizeLimit: 100 * 1024, lineLimit: 998 },
    delayWarningsMs: [],
    terms: async () => ({ isWanted: true, wording, copies: [], problems: [] }),
  };
}
