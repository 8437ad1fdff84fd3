import type { Capabilities } from "./capabilities.ts";

/** What a session is to its transactions: what the peer offers, and what of it is made use of. */
export interface DialogueTerms {
  readonly capabilities: Capabilities;
  /** For the error texts of the operating system: `host [address]`. */
  readonly host: string;
  readonly isLmtp: boolean;
  readonly pipelines: boolean;
  /** BDAT instead of DATA (RFC 3030). */
  readonly chunks: boolean;
  /** For transactions of more than one recipient. */
  readonly asksForPrdr: boolean;
  /** What is added to the size of the content; negative: SIZE is not said. */
  readonly sizeAddition: number;
  readonly ignoresQuota: boolean;
}
