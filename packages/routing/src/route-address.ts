import { failureText, textOf } from "@postbus/policy";
import type { AddressResult } from "./address-result.ts";
import { stripAffixes } from "./affixes.ts";
import { Attempt } from "./attempt.ts";
import type { CompiledRouter } from "./compiled-router.ts";
import { type Deferred, deferred, errorNumbers } from "./driver-result.ts";
import { matchList } from "./match-list.ts";
import type { RoutedAddress } from "./routed-address.ts";
import type { RoutingRun } from "./routing-run.ts";
import { type Step, visitRouter } from "./visit-router.ts";

/** An address whose ancestors are more than this has got into a loop. */
const MAX_ANCESTORS = 100;

/** Shows an address to the routers, from the first or from where it begins, until one has taken it. */
export async function routeAddress(
  address: RoutedAddress,
  routers: readonly CompiledRouter[],
  run: RoutingRun,
): Promise<AddressResult> {
  if (run.settings.heldDomains !== undefined && (await isHeld(address, run)))
    return failed(address, deferred("domain is held", errorNumbers.held), run);
  if (run.settings.queuedDomains !== undefined && (await isQueued(address, run)))
    return failed(address, deferred("domain is in queue_domains", errorNumbers.queued), run);
  let at = address.startsAt;
  for (let router = routers[at]; router !== undefined; router = routers[at]) {
    address.router = router;
    at = router.index + 1;
    if (isLoop(address)) {
      run.loops++;
      run.context.warn?.(`routing loop for ${address.text}`);
      return failed(address, deferred("routing loop"), run);
    }
    const attempt = begin(address, router, run);
    if (attempt === undefined) continue;
    let step: Step;
    try {
      const visited = visitRouter(attempt, routers);
      step = visited instanceof Promise ? await visited : visited;
    } catch (error) {
      step = unforeseen(error);
    }
    if (step.kind === "skip") continue;
    if (step.kind === "end") return step.result;
    if (step.kind === "over") break;
    if (step.kind === "next") {
      at = step.at ?? at;
      continue;
    }
    return failed(address, step, run);
  }
  return noRouter(address, run);
}

function isLoop(address: RoutedAddress): boolean {
  let count = 0;
  for (let one = address.parent; one !== undefined; one = one.parent) if (count++ > MAX_ANCESTORS) return true;
  return false;
}

/** Undefined: the router is skipped before anything has been looked at. */
function begin(address: RoutedAddress, router: CompiledRouter, run: RoutingRun): Attempt | undefined {
  const skip = (why: string): undefined => run.trace.note(address, router, "skipped", why);
  if (hasComeBy(address, router)) return skip("it has come by already");
  const localPart = router.isCaseful ? address.localPart : address.lowerLocalPart;
  const local = stripAffixes(localPart, router.prefix, router.suffix);
  if (typeof local === "string") {
    if (run.variables.attempt?.address !== address) {
      const whole = { localPart, prefix: undefined, suffix: undefined };
      run.variables.attempt = new Attempt(run, router, address, whole);
    }
    return skip(`local_part_${local}`);
  }
  const attempt = new Attempt(run, router, address, local);
  run.variables.attempt = attempt;
  run.evaluation.captures = [];
  run.evaluation.value = "";
  return attempt;
}

/** `hold_domains`: of mail that is to be delivered, nothing goes to such a domain until an operator says so. */
async function isHeld({ domain }: RoutedAddress, { settings, context, evaluation }: RoutingRun): Promise<boolean> {
  if (settings.heldDomains === undefined || context.purpose !== "deliver" || context.isForced === true) return false;
  return (await matchList(settings.heldDomains, evaluation, domain)) !== undefined;
}

/** `queue_domains`: what comes for such a domain is not tried at once. */
async function isQueued({ domain }: RoutedAddress, { settings, context, evaluation }: RoutingRun): Promise<boolean> {
  if (settings.queuedDomains === undefined || context.purpose !== "deliver" || context.isForced === true) return false;
  if (context.isFirstAttempt !== true) return false;
  return (await matchList(settings.queuedDomains, evaluation, domain)) !== undefined;
}

/** An equal ancestor was at this router, or any ancestor where `no_repeat_use` is set. */
function hasComeBy(address: RoutedAddress, router: CompiledRouter): boolean {
  for (let ancestor = address.parent; ancestor !== undefined; ancestor = ancestor.parent) {
    if (ancestor.router !== router) continue;
    if (!router.repeats) return true;
    if (ancestor.lowerText !== address.lowerText) continue;
    if (!router.isCaseful || ancestor.localPart === address.localPart) return true;
  }
  return false;
}

/** What is thrown by a list or by an expansion that no option takes care of. */
function unforeseen(error: unknown): Deferred {
  const text = failureText(error);
  if (text === undefined) throw error;
  return deferred(text, errorNumbers.expansion);
}

function failed(address: RoutedAddress, problem: Deferred, run: RoutingRun): AddressResult {
  if (address.router !== undefined) run.trace.note(address, address.router, "deferred", problem.text);
  return { end: { kind: "deferred", router: address.router?.name, deferred: problem }, children: [] };
}

/** Nobody wants it: the text is that of the last router that was asked, whether or not it was skipped. */
async function noRouter(address: RoutedAddress, run: RoutingRun): Promise<AddressResult> {
  const text = address.message ?? (await cannotRoute(address, run));
  return { end: { kind: "failed", router: undefined, text }, children: [] };
}

async function cannotRoute({ router }: RoutedAddress, run: RoutingRun): Promise<string> {
  const expansion = router?.cannotRouteMessage;
  const { attempt } = run.variables;
  if (expansion === undefined || attempt === undefined) return "Unrouteable address";
  const expanded = await attempt.expand(expansion);
  if (expanded.kind === "value") return textOf(expanded.value);
  if (expanded.kind === "failed") {
    run.context.warn?.(`failed to expand cannot_route_message in ${router?.name} router: ${expanded.text}`);
  }
  return "Unrouteable address";
}
