import type { RoutingMemory } from "./routing-memory.ts";
import type { Delivery, RoutingOutcome } from "./routing-result.ts";

/**
 * Marks deliveries that would be made twice. Of several the last one found is made, and local ones come before others, as
 * in Exim: so the log says the same.
 */
export function markDuplicates(outcomes: readonly RoutingOutcome[], memory: RoutingMemory): RoutingOutcome[] {
  const [only] = outcomes;
  if (outcomes.length === 1 && only?.kind === "deliver") {
    return [memory.isFirst(only.unique) ? only : { ...only, isDuplicate: true }];
  }
  const deliveries = outcomes.filter((outcome) => outcome.kind === "deliver").toReversed();
  const repeated = new Set<Delivery>();
  for (const isLocal of [true, false]) {
    for (const delivery of deliveries) {
      if (delivery.isLocal === isLocal && !memory.isFirst(delivery.unique)) repeated.add(delivery);
    }
  }
  return outcomes.map((outcome) =>
    outcome.kind === "deliver" && repeated.has(outcome) ? { ...outcome, isDuplicate: true } : outcome,
  );
}
