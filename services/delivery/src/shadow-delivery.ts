import type { ShadowDelivery, Variables } from "@postbus/policy";
import type { AttemptResult } from "@postbus/queue";
import type { Attempt, AttemptReport } from "./attempt.ts";

/**
 * Delivers once more, by another transport, what has been delivered (Exim's manual, `shadow_transport`). Nobody is told what comes
 * of it but the log.
 *
 * @param variables Of a recipient. @param deliver By the transport that the item names.
 */
export async function withShadow(
  { work, item, content }: Attempt,
  report: AttemptReport,
  shadow: ShadowDelivery,
  variables: (address: string) => Variables,
  deliver: (attempt: Attempt) => Promise<AttemptReport>,
): Promise<AttemptReport> {
  const { addressVariables } = item;
  const positions: number[] = [];
  for (const [position, { address }] of item.recipients.entries()) {
    if (report.results[position]?.outcome !== "delivered") continue;
    if (await shadow.isWanted(variables(address))) positions.push(position);
  }
  if (positions.length === 0) return report;
  const chosen = <T>(all: readonly T[]): T[] => all.filter((_, position) => positions.includes(position));
  const second: Attempt = {
    // Names of files and messages derive from the item's id: those of the first delivery are others.
    work: { id: `${work.id}-shadow`, handedOut: work.handedOut, isHeld: () => work.isHeld(), signal: work.signal },
    item: {
      ...item,
      transport: shadow.transport,
      recipients: chosen(item.recipients),
      ...(addressVariables === undefined ? {} : { addressVariables: chosen(addressVariables) }),
    },
    content,
  };
  const { results, notes, publish = [], events = [] } = await deliver(second);
  const told = report.results.map((result, position): AttemptResult => {
    const at = positions.indexOf(position);
    const shadowed = results[at];
    if (result.outcome !== "delivered" || shadowed === undefined) return result;
    const why = shadowed.outcome === "delivered" ? "" : ` (${shadowed.text})`;
    return { ...result, shadow: `${shadow.transport}${why}` };
  });
  return {
    results: told,
    notes: [...report.notes, ...notes],
    publish: [...(report.publish ?? []), ...publish],
    events: [...(report.events ?? []), ...events],
  };
}
