import type { Bus, Handler, Outcome, Publication, WorkItem } from "@postbus/bus";
import { type DeliveryItem, deliverySubject, RouteItem } from "@postbus/contracts";
import type { Policy, Route } from "@postbus/policy";
import { type Attempted, conclude, partItemId } from "@postbus/queue";
import type { Logger } from "pino";
import { Compile } from "typebox/compile";
import { type DeliveryGroup, DeliveryGroups } from "./delivery-groups.ts";
import type { RouterMetrics } from "./metrics.ts";
import { routeRecipient } from "./route-recipient.ts";

export interface RouterDeps {
  /** The one in force now: asked for each item. */
  readonly policy: () => Pick<Policy, "primaryHostname" | "qualifyDomain" | "route" | "transport" | "retryRule">;
  /** For the headers that a bounce quotes. */
  readonly readSpooled: Bus["spool"]["read"];
  readonly metrics: RouterMetrics;
  readonly log: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: () => number;
}

/** Exim's number for an error that has none of its own, as in `routing defer (-1)`. */
const UNKNOWN_ERROR = -1;

const routeItem = Compile(RouteItem);

/**
 * One item in, its delivery items out; for recipients that cannot be routed, what follows from that. Nothing is done
 * in the outside world, so running again does no harm: ids derive from the item's, and the bus drops the repetition.
 */
export function routerHandler(deps: RouterDeps): Handler {
  return async (work) => {
    const { header: item } = work;
    if (!routeItem.Check(item)) throw new Error(`item ${work.id} is not a route item: ${firstProblem(item)}`);
    const policy = deps.policy();
    const groups = new DeliveryGroups(policy);
    const undeliverable: Attempted[] = [];
    const isFirst = firstOfEach(item);

    for (const [position, recipient] of item.recipients.entries()) {
      if (!isFirst(recipient.address)) continue;
      const found = routeRecipient(policy, recipient.address);
      const route = found instanceof Promise ? await found : found;
      deps.metrics.routed(route.kind);
      if (route.kind === "deliver") groups.add(route, recipient, position);
      else undeliverable.push(notRouted(recipient, route));
    }

    const nowMs = deps.now();
    const publish = groups.all.map((group) => deliveryPublication(work, item, group, nowMs));
    if (undeliverable.length === 0) return { publish };
    for (const { recipient, result } of undeliverable) {
      deps.log.debug({ messageId: item.messageId, recipient: recipient.address, ...result }, "not routed");
    }
    const { primaryHostname, qualifyDomain } = policy;
    const outcome = await conclude(work, item, undeliverable, {
      service: "router",
      nowMs,
      random: deps.random,
      primaryHostname,
      ...(qualifyDomain === undefined ? {} : { qualifyDomain }),
      retryRule: (address) => policy.retryRule(address),
      readSpooled: deps.readSpooled,
    });
    return { ...outcome, publish: [...publish, ...(outcome.publish ?? [])] } satisfies Outcome;
  };
}

function notRouted(recipient: Attempted["recipient"], route: Exclude<Route, { kind: "deliver" }>): Attempted {
  const result: Attempted["result"] =
    route.kind === "fail"
      ? { outcome: "failed", text: route.text }
      : { outcome: "deferred", errno: UNKNOWN_ERROR, text: route.text };
  return route.router === undefined ? { recipient, result } : { recipient, result, router: route.router };
}

function deliveryPublication(
  { id, content }: WorkItem,
  item: RouteItem,
  { route, transportClass, domain, recipients, positions }: DeliveryGroup,
  queuedAtMs: number,
): Publication {
  const { router, transport, hosts } = route;
  const header: DeliveryItem = { ...item, recipients, queuedAtMs, router, transport, domain };
  if (hosts !== undefined) header.hosts = [...hosts];
  return {
    subject: deliverySubject(transportClass, domain),
    id: partItemId(id, positions, item.recipients.length),
    messageId: item.messageId,
    header,
    content,
  };
}

/** An address that was given twice gets the message once, as from Exim. */
function firstOfEach({ recipients }: RouteItem): (address: string) => boolean {
  if (recipients.length === 1) return () => true;
  const seen = new Set<string>();
  return (address) => {
    if (seen.has(address)) return false;
    seen.add(address);
    return true;
  };
}

function firstProblem(item: unknown): string {
  const [problem] = routeItem.Errors(item);
  return problem === undefined ? "?" : `${problem.instancePath} ${problem.message}`;
}
