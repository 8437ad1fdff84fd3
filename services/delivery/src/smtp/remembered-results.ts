import type { DeliveryItem } from "@postbus/contracts";
import type { SmtpTransport } from "@postbus/policy";
import { type AttemptResult, type DeferredAttempt, type HostsStand, retryKeys } from "@postbus/queue";
import { errnos, type RecipientResult, type Trouble } from "@postbus/smtp";

/**
 * The result of a recipient that the host has put off, with the name under which that is remembered if the host has spoken of
 * this recipient alone.
 *
 * @param trouble Of the transaction as a whole.
 */
export function ofAddress(
  refused: AttemptResult,
  end: RecipientResult,
  trouble: Trouble | undefined,
  by: { readonly item: DeliveryItem; readonly transport: SmtpTransport; readonly position: number },
): AttemptResult {
  if (refused.outcome !== "deferred" || !("errno" in end)) return refused;
  const isRcpt = end.errno === errnos.rcpt4xx;
  if (!isRcpt && trouble !== undefined) return refused;
  const { recipients, returnPath } = by.item;
  const { address = "" } = recipients[by.position] ?? {};
  // What a host says of a recipient behind the content (LMTP, PRDR) is not because of the sender.
  const isBySender = isRcpt && by.transport.retriesBySender;
  const retryKey = isBySender ? retryKeys.addressAndSender(address, returnPath) : retryKeys.routedAddress(address);
  return { ...refused, retryKey };
}

/**
 * The results with what is remembered of the hosts. A message that one of them has put off goes by what all of them say.
 *
 * @param messageKey Under which name that is remembered; undefined: none has.
 */
export function withHosts(
  results: readonly AttemptResult[],
  hosts: HostsStand | undefined,
  messageKey: string | undefined,
): readonly AttemptResult[] {
  if (hosts === undefined) return results;
  const { nextTryAtMs, haveTimedOut: hasTimedOut } = hosts;
  const told = (result: DeferredAttempt): AttemptResult => {
    if (messageKey === undefined || result.retryKey !== undefined) return { ...result, hosts };
    return { ...result, hosts, retryKey: messageKey, remembered: { nextTryAtMs, hasTimedOut } };
  };
  return results.map((result) => (result.outcome === "deferred" ? told(result) : result));
}
