import type { Outcome, Publication, WorkItem } from "@postbus/bus";
import {
  bmiVerdictsAbout,
  type DeliveryItem,
  deliverySubject,
  type MailEvent,
  type Recipient,
  type RouteItem,
  shareOrigins,
} from "@postbus/contracts";
import { ConfigError } from "@postbus/mail";
import {
  type Attempted,
  conclude,
  DEFAULT_QUEUE_RULES,
  type HostsStand,
  partItemId,
  type RetryStep,
  successReports,
} from "@postbus/queue";
import type { Delivery, RoutedHost, RoutingDeferral, RoutingFailure, RoutingOutcome } from "@postbus/routing";
import { concludeContext } from "./conclude-context.ts";
import { type DeliveryGroup, DeliveryGroups } from "./delivery-groups.ts";
import type { RoutingPolicy } from "./destinations.ts";
import type { RouterDeps } from "./handler.ts";
import { heldStand, type RoutingRetries } from "./routing-retries.ts";

/** Recipients whose routing has an end each: those of the item, or what one of them has become. */
export interface RoutedPart {
  readonly work: Pick<WorkItem, "id" | "content" | "handedOut">;
  readonly item: RouteItem;
  readonly ends: readonly RoutedRecipient[];
}

export interface RoutedRecipient {
  readonly recipient: Recipient;
  /** In the part's item. */
  readonly position: number;
  readonly outcome: RoutingOutcome;
  /** It was not routed: what is remembered of it says when that may be. */
  readonly stand?: HostsStand;
}

/** Exim's number for `internal configuration error`. */
const CONFIGURATION_ERROR = -30;

/** What follows from the ends: delivery items, retries, bounces, events. */
export async function routePart(
  { work, item, ends }: RoutedPart,
  policy: RoutingPolicy,
  deps: RouterDeps,
  retries?: RoutingRetries,
): Promise<Outcome> {
  const groups = new DeliveryGroups(policy);
  const attempted: Attempted[] = [];
  const thrownAway: Attempted[] = [];
  const events: MailEvent[] = [];
  const nowMs = deps.now();
  const failing = new Map<Recipient, RoutingDeferral["failing"]>();
  for (const { recipient, position, outcome, stand } of ends) {
    deps.metrics.routed(outcome.kind);
    switch (outcome.kind) {
      case "deliver": {
        if (outcome.isDuplicate) break;
        const problem = added(groups, outcome, recipient, position);
        if (problem !== undefined) attempted.push(configurationError(recipient, outcome.router, problem));
        break;
      }
      case "discard":
        events.push(discarded(work.id, item, position, outcome, nowMs));
        thrownAway.push({ recipient, result: { outcome: "delivered" }, router: outcome.router });
        break;
      case "fail":
        attempted.push(failed(recipient, outcome));
        break;
      case "defer": {
        const { errno, text, router, isFrozen } = outcome;
        const hosts = stand ?? heldStand(outcome, nowMs, policy.queue ?? DEFAULT_QUEUE_RULES);
        const why = { ...(isFrozen ? { isFrozen } : {}), ...(hosts === undefined ? {} : { hosts }) };
        const result = { outcome: "deferred", errno, text, ...why } as const;
        failing.set(recipient, outcome.failing);
        attempted.push(withRouter({ recipient, result }, router));
        break;
      }
      default:
        throw new Error(`unhandled outcome: ${JSON.stringify(outcome satisfies never)}`);
    }
  }
  const tellsSigned = policy.log.ofDeliveries?.has("dnssec") === true;
  const publish = groups.all.map((group) => deliveryPublication(work, item, group, nowMs, tellsSigned));
  if (thrownAway.length > 0) {
    const reports = await successReports(work, item, thrownAway, concludeContext(policy, deps, nowMs));
    publish.push(...reports.publish);
    events.push(...reports.events);
  }
  for (const { recipient, result } of attempted) {
    deps.log.debug({ messageId: item.messageId, recipient: recipient.address, ...result }, "not routed");
  }
  if (attempted.length === 0 && groups.all.length > 0) return { publish, events };
  const steps = await retrySteps(item, attempted, failing, policy);
  if (failing.size > 0) await retries?.lookAheadOf(failing);
  const remembered: Attempted[] = [];
  for (const one of attempted) {
    const { recipient } = one;
    const of = steps.get(recipient.address) ?? [];
    remembered.push((await retries?.failed(one, failing.get(recipient), of, nowMs)) ?? one);
  }
  const outcome = await conclude(work, item, remembered, concludeContext(policy, deps, nowMs, steps));
  return {
    ...outcome,
    publish: [...publish, ...(outcome.publish ?? [])],
    events: [...events, ...(outcome.events ?? [])],
  };
}

/** @returns what is wrong with the transport. */
function added(groups: DeliveryGroups, delivery: Delivery, recipient: Recipient, position: number): string | undefined {
  const { transport } = delivery;
  if (transport === undefined) return "no transport";
  try {
    groups.add(delivery, transport, recipient, position);
    return undefined;
  } catch (err) {
    if (err instanceof ConfigError) return err.message;
    throw err;
  }
}

const configurationError = (recipient: Recipient, router: string, text: string): Attempted => ({
  recipient,
  router,
  result: { outcome: "deferred", errno: CONFIGURATION_ERROR, text },
});

/** `errors_to` of the router that fails it counts, too. */
function failed(recipient: Recipient, { text, router, errorsTo, ignoresErrors }: RoutingFailure): Attempted {
  const attempted = withRouter({ recipient, result: { outcome: "failed", text } }, router);
  const to = ignoresErrors ? "" : errorsTo;
  return to === undefined ? attempted : { ...attempted, errorsTo: to };
}

const withRouter = (attempted: Attempted, router: string | undefined): Attempted =>
  router === undefined ? attempted : { ...attempted, router };

async function retrySteps(
  { returnPath }: RouteItem,
  attempted: readonly Attempted[],
  failing: ReadonlyMap<Recipient, RoutingDeferral["failing"]>,
  policy: RoutingPolicy,
): Promise<ReadonlyMap<string, readonly RetryStep[]>> {
  const steps = new Map<string, readonly RetryStep[]>();
  for (const { recipient, result } of attempted) {
    if (result.outcome !== "deferred") continue;
    const { address } = recipient;
    const isOfDomain = failing.get(recipient) === "domain";
    steps.set(address, await policy.retryRule({ address, returnPath, errno: result.errno, isOfDomain }));
  }
  return steps;
}

function discarded(
  workId: string,
  { messageId }: RouteItem,
  position: number,
  { address, parents, router }: RoutingOutcome,
  atMs: number,
): MailEvent {
  const text = `=> :blackhole: <${parents.at(-1) ?? address}> R=${router}`;
  return { v: 1, id: `${workId}:msg:note:${position}`, atMs, service: "router", messageId, name: "msg:note", text };
}

function deliveryPublication(
  { id, content }: RoutedPart["work"],
  item: RouteItem,
  { delivery, isLastHop, transport, transportClass, domain, recipients, positions, variables }: DeliveryGroup,
  queuedAtMs: number,
  tellsSigned: boolean,
): Publication {
  const { router, hosts, errorsTo, headersAdd, headersRemove, fallbackHosts } = delivery;
  const { isLogged } = delivery;
  const header: DeliveryItem = { ...item, recipients, queuedAtMs, router, transport: transport.name, domain };
  if (item.bmiVerdicts !== undefined) header.bmiVerdicts = bmiVerdictsAbout(item.bmiVerdicts, recipients);
  if (errorsTo !== undefined) header.errorsTo = errorsTo;
  if (delivery.srsSender !== undefined) header.srsSender = delivery.srsSender;
  if (headersAdd.length > 0) header.headersAdd = [...headersAdd];
  if (headersRemove.length > 0) header.headersRemove = [...headersRemove];
  if (fallbackHosts !== undefined) header.fallbackHosts = fallbackHosts;
  if (isLastHop) header.isLastHop = true;
  if (!isLogged) header.isUnlogged = true;
  if (delivery.to !== "mailbox") header.to = delivery.to;
  if (transportClass === "local") addLocalFields(header, delivery);
  if (hosts !== undefined) {
    header.hosts = hosts.map(({ name, port }) => (port === undefined ? name : `${bracketed(name)}::${port}`));
    if (hosts.some(({ address }) => address !== undefined)) {
      header.hostAddresses = hosts.map(({ address }) => address ?? "");
    }
    if (hosts.length > 0 && hosts.every(({ mx }) => mx !== undefined)) header.areMx = true;
    if (tellsSigned && hosts.some(({ isAuthenticated }) => isAuthenticated)) {
      header.signedHosts = hosts.map(({ isAuthenticated }) => isAuthenticated);
    }
    if (item.requireTls === true) header.knownHosts = hosts.map(isKnown);
  }
  if (variables.length > 0) header.addressVariables = variables;
  return {
    subject: deliverySubject(transportClass, domain),
    id: partItemId(id, positions, item.recipients.length),
    messageId: item.messageId,
    header: shareOrigins(header),
    content,
  };
}

function addLocalFields(header: DeliveryItem, { to, user, group, hostText, isLoggedAsLocal }: Delivery): void {
  if (user !== undefined) header.user = user;
  if (group !== undefined) header.group = group;
  if (hostText !== undefined) header.hostText = hostText;
  if (!isLoggedAsLocal && to === "mailbox") header.isLoggedInFull = true;
}

/** Configured, or named by the DNS with a signature (RFC 8689 §4.2.1). A domain that is its own host is configured, too. */
const isKnown = ({ mx, isRecordAuthenticated }: RoutedHost): boolean =>
  mx === undefined || isRecordAuthenticated === true;

const bracketed = (name: string): string => (name.includes(":") && !name.startsWith("[") ? `[${name}]` : name);
