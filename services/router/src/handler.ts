import { createHash } from "node:crypto";
import type { Bus, Handler, Outcome, WorkItem } from "@postbus/bus";
import { type MailEvent, type Recipient, RouteItem, withOrigins } from "@postbus/contracts";
import { encodeXtext } from "@postbus/mail";
import { Lines, messageContent, type OutcomeRaiser, variablesOf } from "@postbus/policy";
import { type AddressRetries, type Attempted, partItemId, successReports } from "@postbus/queue";
import type { RoutingOutcome, SrsStore, SyntaxErrors } from "@postbus/routing";
import type { Logger } from "pino";
import { Compile } from "typebox/compile";
import { concludeContext } from "./conclude-context.ts";
import { Destinations, type RoutingPolicy } from "./destinations.ts";
import type { FailedLookups } from "./failed-lookups.ts";
import type { RouterMetrics } from "./metrics.ts";
import { Origins } from "./recipient-origin.ts";
import { type RoutedPart, type RoutedRecipient, routePart } from "./route-part.ts";
import { RoutingRetries } from "./routing-retries.ts";
import { syntaxErrorMessage } from "./syntax-error-message.ts";

export interface RouterDeps {
  /** The one in force now: asked for each item. */
  readonly policy: () => RoutingPolicy;
  /** What policies do about events; absent: nothing. */
  readonly raiser?: OutcomeRaiser;
  /** For the headers that a bounce quotes. */
  readonly readSpooled: Bus["spool"]["read"];
  /** For bounces that return large messages; absent: they return header sections. */
  readonly createSpooled?: Bus["spool"]["create"];
  /** What replicas know together of addresses that cannot be reached; absent: each recipient knows its own failures alone. */
  readonly retries?: AddressRetries;
  /** Senders of forwarded mail; absent: they cannot be kept. */
  readonly srsStore?: SrsStore;
  readonly metrics: RouterMetrics;
  readonly log: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: () => number;
}

const routeItem = Compile(RouteItem);

/**
 * One item in, its delivery items out; for recipients that cannot be routed, what follows from that. Nothing is done
 * in the outside world, so running again does no harm: ids derive from the item's.
 */
export function routerHandler(deps: RouterDeps): Handler {
  return async (work) => {
    const { header } = work;
    if (!routeItem.Check(header)) throw new Error(`item ${work.id} is not a route item: ${firstProblem(header)}`);
    const item = counted(withOrigins(header));
    const policy = deps.policy();
    if (item.cancelled !== undefined) return routePart({ work, item, ends: cancelledEnds(item) }, policy, deps);
    const { messageId } = item;
    const wrongLists: SyntaxErrors[] = [];
    const looking = messageContent(work.content, policy.routing.names, deps.readSpooled, policy.smtp.bodyVisibleOctets);
    const noted = new Lines(`${work.id}:routing`, "router", messageId);
    const destinations = new Destinations(policy, item, looking instanceof Promise ? await looking : looking, {
      warn: (text) => deps.log.warn({ messageId, text }, "policy"),
      note: (text, selector) => {
        if (policy.log.selectors.has(selector)) noted.add(["main"], text);
      },
      now: deps.now,
      srsStore: deps.srsStore,
      onSyntaxErrors: (found) => wrongLists.push(found),
    });
    const retries =
      deps.retries && new RoutingRetries(deps.retries, item, policy, { nowMs: deps.now(), random: deps.random });
    if (item.attempt > 1) await retries?.lookAhead();
    const isFirst = firstOfEach(item);
    const ends: RoutedRecipient[] = [];
    const parts: RoutedPart[] = [];
    const expanded: Attempted[] = [];

    const recipients = [...item.recipients.entries()].filter(([, recipient]) => isFirst(recipient));
    const { isLastFirst = false } = policy.routing;
    for (const [position, recipient] of isLastFirst ? recipients.toReversed() : recipients) {
      const waits = item.attempt === 1 ? undefined : await retries?.putOff(recipient);
      if (waits !== undefined) {
        ends.push({ recipient, position, ...waits });
        continue;
      }
      const outcomes = await destinations.of(recipient);
      retries?.routed(recipient, outcomes);
      const [only, ...more] = outcomes;
      if (only !== undefined && more.length === 0 && only.parents.length === (recipient.origin?.parents.length ?? 0)) {
        ends.push({ recipient, position, outcome: only });
        continue;
      }
      if (isExpanded(recipient, outcomes)) expanded.push({ recipient, result: { outcome: "delivered" } });
      const isOnly = outcomes.length === 1;
      for (let at = 0; at < outcomes.length; at += MAX_PART) {
        parts.push(partOf(work, item, position, recipient, outcomes.slice(at, at + MAX_PART), isOnly));
      }
    }
    if (isLastFirst) for (const all of [ends, parts, expanded]) all.reverse();
    if (ends.length > 0) parts.unshift({ work, item, ends });
    const outcomes: Outcome[] = await Promise.all(parts.map((part) => routePart(part, policy, deps, retries)));
    if (expanded.length > 0) {
      outcomes.push(await successReports(work, item, expanded, concludeContext(policy, deps, deps.now()), "expanded"));
    }
    const { primaryHostname, qualifyDomain, reports } = policy;
    const { authenticatedSender } = reports;
    const context = { work, item, primaryHostname, qualifyDomain, nowMs: deps.now(), authenticatedSender };
    outcomes.push(...wrongLists.map((found, i) => syntaxErrorMessage(found, i, context)));
    const lookups = await failuresTold(work.id, item, destinations.failedLookups, policy);
    const told = [...noted.take(), ...lookups];
    const outcome = joined(told.length === 0 ? outcomes : [{ events: told }, ...outcomes]);
    if (policy.events.main === undefined || deps.raiser === undefined) return outcome;
    return deps.raiser.raise(outcome, { workId: work.id, item }, policy.events);
  };
}

/** What `event_action` says of lookups that have failed. @returns the lines that it has written. */
async function failuresTold(
  workId: string,
  item: RouteItem,
  failed: FailedLookups | undefined,
  { events: { main } }: Pick<RoutingPolicy, "events">,
): Promise<readonly MailEvent[]> {
  if (main === undefined || failed === undefined || failed.all.size === 0) return [];
  const lines = new Lines(`${workId}:lookups`, "router", item.messageId);
  for (const [data, recipient] of failed.all) {
    await main.raise({ name: "dns:fail", data }, { variables: variablesOf(item, recipient), log: lines.add });
  }
  return lines.take();
}

/** An operator, or its age, has given it up: nobody is asked where it would go. */
const cancelledEnds = ({ recipients, cancelled: text = "" }: RouteItem): RoutedRecipient[] =>
  recipients.map((recipient, position) => ({
    recipient,
    position,
    outcome: {
      ...{ kind: "fail", address: recipient.address, parents: [], router: undefined, text, replyText: undefined },
      ...{ errorsTo: undefined, ignoresErrors: false },
    },
  }));

/** `$recipients_count` stays what it was, though recipients come to their ends one by one. */
function counted(item: RouteItem): RouteItem {
  const { recipients, recipientsCount } = item;
  if (recipients.length === 1 || recipientsCount !== undefined || item.attempt > 1) return item;
  return { ...item, recipientsCount: recipients.length };
}

/**
 * A recipient that has become others: they are recipients of an item of their own from here on. It is named by what
 * they are, too: a list that has changed between two runs must not make new addresses pass for those of the first.
 */
function partOf(
  { id, content, handedOut }: WorkItem,
  item: RouteItem,
  position: number,
  recipient: Recipient,
  outcomes: readonly RoutingOutcome[],
  isOnly: boolean,
): RoutedPart {
  const origins = new Origins();
  const recipients = outcomes.map((outcome) => becomes(recipient, outcome, origins, isOnly));
  const names = createHash("sha256").update(outcomes.map(nameOf).join("\n"));
  // Inside of the position's own branch, above the numbers of its own parts.
  const number = NAMES_START + names.digest().readUIntBE(0, 6);
  const own = partItemId(id, [position], item.recipients.length + 1);
  return {
    work: { id: partItemId(own, [number], 2), content, handedOut },
    item: { ...item, recipients },
    ends: outcomes.map((outcome, i) => ({ recipient: recipients[i] ?? recipient, position: i, outcome })),
  };
}

/** It stands for several others, some of which may get the message. */
function isExpanded({ notification }: Recipient, outcomes: readonly RoutingOutcome[]): boolean {
  if (notification?.notify?.includes("SUCCESS") !== true) return false;
  const others = outcomes.filter(({ kind, parents, address }) => {
    const isChild = parents.some((parent) => parent !== address);
    return isChild && (kind === "deliver" || kind === "defer");
  });
  return others.length > 0 && outcomes.length > 1;
}

const nameOf = ({ address, origin }: RoutingOutcome): string => `${origin?.unique ?? ""} ${address}`;

/** What is the recipient itself (`unseen`) has a name of its own, unlike an address that is a child of itself. */
function becomes(
  recipient: Recipient,
  { address, parents, origin }: RoutingOutcome,
  origins: Origins,
  isOnly: boolean,
): Recipient {
  const isItself = origin?.unique !== undefined && parents.every((parent) => parent === address);
  const child = parents.length === 0 || isItself ? { ...recipient, address } : childOf(recipient, address, isOnly);
  return origin === undefined ? child : { ...child, origin: origins.carried(origin) };
}

/**
 * A recipient that another one has become. Reports of failure and delay are made of it as of that one, and under its name.
 * That one has been reached when it has become several (`expanded`), or when the only one has been (RFC 3461 §5.2.7).
 */
function childOf(parent: Recipient, address: string, isOnly: boolean): Recipient {
  const { notification, retryKey: _, ...rest } = parent;
  if (notification === undefined) return { ...rest, address };
  const { notify, originalRecipient = `rfc822;${encodeXtext(parent.address)}` } = notification;
  if (notify === undefined) return { ...rest, address, notification: { originalRecipient } };
  const left = notify.filter((occasion) => isOnly || occasion !== "SUCCESS");
  return {
    ...rest,
    address,
    notification: { notify: left.length === 0 ? ["NEVER"] : left, originalRecipient },
  };
}

/** Of what a list names, so many stay together: an item is held in memory as a whole. */
const MAX_PART = 500;

/** Above every position and every hash of positions. */
const NAMES_START = 2 ** 49;

function joined(outcomes: readonly Outcome[]): Outcome {
  const [only, ...more] = outcomes;
  if (only !== undefined && more.length === 0) return only;
  const eventsIfComplete = outcomes.find((outcome) => outcome.eventsIfComplete !== undefined)?.eventsIfComplete;
  return {
    publish: outcomes.flatMap(({ publish = [] }) => publish),
    events: outcomes.flatMap(({ events = [] }) => events),
    ...(eventsIfComplete === undefined ? {} : { eventsIfComplete }),
  };
}

/** An address that was given twice gets the message once, as from Exim. What routers have made was compared when it was made. */
function firstOfEach({ recipients }: RouteItem): (recipient: Recipient) => boolean {
  if (recipients.length === 1) return () => true;
  const seen = new Set<string>();
  return ({ address, origin }) => {
    if (origin !== undefined) return true;
    if (seen.has(address)) return false;
    seen.add(address);
    return true;
  };
}

function firstProblem(item: unknown): string {
  const [problem] = routeItem.Errors(item);
  return problem === undefined ? "?" : `${problem.instancePath} ${problem.message}`;
}
