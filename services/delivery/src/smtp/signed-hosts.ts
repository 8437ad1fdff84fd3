import type { DeliveryItem } from "@postbus/contracts";
import type { AttemptResult } from "@postbus/queue";
import { hostSpec } from "./next-hop.ts";

/** The results, those of hosts for which the DNS has vouched marked as such (`DS` in the log), if routing tells that. */
export function withSignatures(
  results: readonly AttemptResult[],
  { hosts = [], hostAddresses = [], signedHosts }: Pick<DeliveryItem, "hosts" | "hostAddresses" | "signedHosts">,
): readonly AttemptResult[] {
  if (signedHosts === undefined) return results;
  const signed = new Set(
    hosts.flatMap((text, i) => (signedHosts[i] === true ? [`${hostSpec(text, 0).name} ${hostAddresses[i]}`] : [])),
  );
  return results.map((result) =>
    signed.has(`${result.host} ${result.hostAddress}`) ? { ...result, isHostSigned: true } : result,
  );
}
