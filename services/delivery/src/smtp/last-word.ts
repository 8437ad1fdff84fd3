import type { AttemptResult } from "@postbus/queue";
import { errnos, isSafeAddress } from "@postbus/smtp";
import type { MessageAsSent } from "../message/message-as-sent.ts";

/** Why a recipient cannot be named to any host: its address, or the return path, would write commands of its own. */
export function unsafeResult(
  { returnPath }: Pick<MessageAsSent, "returnPath">,
  address: string,
): AttemptResult | undefined {
  if (isSafeAddress(returnPath) && isSafeAddress(address)) return undefined;
  return { outcome: "failed", text: "address contains control characters" };
}

/** 5yz to the greeting or to HELO, and nobody else to ask: final (Exim's manual, "SMTP processing"). */
export function refusedByLastHost(result: AttemptResult | undefined, text: string): AttemptResult {
  const { outcome: _, ...host } = result ?? { outcome: "deferred" };
  return { ...host, outcome: "failed", text };
}

/** No host that could be asked knows what the message needs: SMTPUTF8. That will not change by waiting. */
export function lackedByLastHost(result: AttemptResult | undefined): AttemptResult | undefined {
  if (result?.outcome !== "deferred" || result.errno !== errnos.smtpUtf8) return result;
  const { outcome: _, errno: __, ...rest } = result;
  // RFC 6531 §3.5.
  return { ...rest, outcome: "failed", ownReply: "553 5.6.7 SMTPUTF8 support required" };
}
