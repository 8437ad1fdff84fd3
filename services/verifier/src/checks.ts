import type { MessageRequest, SpfRequest } from "@postbus/contracts";
import type { MessageFacts, SpfFindings } from "@postbus/mail-auth";

/** What is known of a message, and how it is to be looked at. `withinMs` is what is left of it. */
export type MessageAsked = Pick<
  MessageRequest,
  | "dkimLimits"
  | "headerOctets"
  | "skipsDkim"
  | "skipsDmarc"
  | "spentQueries"
  | "spf"
  | "suffixFile"
  | "wantsArc"
  | "wantsSignatures"
  | "withinMs"
>;

/** Where checks are made: in this thread or in others. */
export interface Checks {
  /** `withinMs` of the request is what is left of it. */
  spf(request: SpfRequest, signal: AbortSignal): Promise<SpfFindings>;
  /** @throws what reading the content throws. */
  message(asked: MessageAsked, content: Buffer | AsyncIterable<Buffer>, signal: AbortSignal): Promise<MessageFacts>;
  /** After the last question. */
  stop(): Promise<void>;
}
