import type { MessageRequest, SpfRequest } from "@postbus/contracts";
import type { MessageFacts, SpfFindings } from "@postbus/mail-auth";

/** What is known of a message, and how it is to be looked at. */
export type MessageAsked = Pick<MessageRequest, "headerOctets" | "spf" | "suffixFile" | "wantsArc" | "wantsSignatures">;

/** Where checks are made: in this thread or in others. */
export interface Checks {
  spf(request: SpfRequest, signal: AbortSignal): Promise<SpfFindings>;
  /** @throws what reading the content throws. */
  message(asked: MessageAsked, content: Buffer | AsyncIterable<Buffer>, signal: AbortSignal): Promise<MessageFacts>;
  /** After the last question. */
  stop(): Promise<void>;
}
