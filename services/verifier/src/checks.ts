import type { SpfFact, SpfRequest } from "@postbus/contracts";
import type { MessageFacts, SpfFindings } from "@postbus/mail-auth";

/** Where checks are made: in this thread or in others. */
export interface Checks {
  spf(request: SpfRequest, signal: AbortSignal): Promise<SpfFindings>;
  /** @throws what reading the content throws. */
  message(
    spf: SpfFact | undefined,
    content: Buffer | AsyncIterable<Buffer>,
    signal: AbortSignal,
  ): Promise<MessageFacts>;
  /** After the last question. */
  stop(): Promise<void>;
}
