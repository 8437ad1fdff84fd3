import { stripAffixes } from "./affixes.ts";
import { Attempt } from "./attempt.ts";
import { type Child, deferred, errorNumbers } from "./driver-result.ts";
import type { RoutedAddress } from "./routed-address.ts";
import type { RoutingRun } from "./routing-run.ts";

/**
 * A file or a pipe that was not delivered the last time: the list that names it is not read again, but its router says by what
 * transport it goes, and as whom. What this takes from the preconditions (`$home`, the account) is looked up; whether they are still
 * met is no question.
 */
export async function itemAgain(address: RoutedAddress, run: RoutingRun): Promise<Child> {
  const { parent, kind, text, isTainted } = address;
  const router = parent?.router;
  if (parent === undefined || kind === "mailbox" || router?.deliverItem === undefined) {
    const result = deferred("the router that has made it is not there any more", errorNumbers.badTransport);
    return { address, end: { result, attempt: undefined } };
  }
  const localPart = router.isCaseful ? parent.localPart : parent.lowerLocalPart;
  const stripped = stripAffixes(localPart, router.prefix, router.suffix);
  const local = typeof stripped === "string" ? { localPart, prefix: undefined, suffix: undefined } : stripped;
  const attempt = new Attempt(run, router, parent, local);
  run.variables.attempt = attempt;
  for (const { test } of router.preconditions) {
    const unmet = await test(attempt);
    if (unmet?.kind === "deferred") return { address, end: { result: unmet, attempt } };
  }
  return { address, end: { result: await router.deliverItem({ kind, text }, attempt, isTainted), attempt } };
}
