import { type Content, contentSize } from "@postbus/contracts";
import type { AttemptResult } from "@postbus/queue";

/** `message_size_limit` of a transport. @returns undefined: the message fits. */
export function tooBig(content: Content, sizeLimit: number): AttemptResult | undefined {
  if (sizeLimit === 0 || contentSize(content) <= sizeLimit) return undefined;
  return { outcome: "failed", text: `message is too big (transport limit = ${sizeLimit})` };
}
