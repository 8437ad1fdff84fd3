import { createHash } from "node:crypto";
import type { Bus, Handler, Outcome, WorkItem } from "@postbus/bus";
import { type Recipient, RouteItem } from "@postbus/contracts";
import { encodeXtext } from "@postbus/mail";
import type { OutcomeRaiser } from "@postbus/policy";
import { partItemId } from "@postbus/queue";
import type { RoutingOutcome } from "@postbus/routing";
import type { Logger } from "pino";
import { Compile } from "typebox/compile";
import { Destinations, type RoutingPolicy } from "./destinations.ts";
import type { RouterMetrics } from "./metrics.ts";
import { type RoutedPart, type RoutedRecipient, routePart } from "./route-part.ts";

export interface RouterDeps {
  /** The one in force now: asked for each item. */
  readonly policy: () => RoutingPolicy;
  /** What policies do about events; absent: nothing. */
  readonly raiser?: OutcomeRaiser;
  /** For the headers that a bounce quotes. */
  readonly readSpooled: Bus["spool"]["read"];
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
    const { header: item } = work;
    if (!routeItem.Check(item)) throw new Error(`item ${work.id} is not a route item: ${firstProblem(item)}`);
    const policy = deps.policy();
    const { messageId } = item;
    const destinations = new Destinations(policy, item, (text) => deps.log.warn({ messageId, text }, "policy"));
    const isFirst = firstOfEach(item);
    const ends: RoutedRecipient[] = [];
    const parts: RoutedPart[] = [];

    for (const [position, recipient] of item.recipients.entries()) {
      if (!isFirst(recipient.address)) continue;
      const outcomes = await destinations.of(recipient.address);
      const [only, ...more] = outcomes;
      if (only !== undefined && more.length === 0 && only.parents.length === 0) {
        ends.push({ recipient, position, outcome: only });
      } else {
        parts.push(partOf(work, item, position, recipient, outcomes));
      }
    }
    if (ends.length > 0) parts.unshift({ work, item, ends });
    const outcome = joined(await Promise.all(parts.map((part) => routePart(part, policy, deps))));
    if (policy.events.main === undefined || deps.raiser === undefined) return outcome;
    return deps.raiser.raise(outcome, { workId: work.id, item }, policy.events);
  };
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
): RoutedPart {
  const recipients = outcomes.map(
    // Without parents it is a clone (`unseen`) of the recipient itself.
    ({ address, parents }): Recipient =>
      parents.length === 0 ? { ...recipient, address } : childOf(recipient, address),
  );
  const names = createHash("sha256").update(outcomes.map(({ address }) => address).join("\n"));
  // Inside of the position's own branch, above the numbers of its own parts.
  const number = NAMES_START + names.digest().readUIntBE(0, 6);
  const own = partItemId(id, [position], item.recipients.length + 1);
  return {
    work: { id: partItemId(own, [number], 2), content, handedOut },
    item: { ...item, recipients },
    ends: outcomes.map((outcome, i) => ({ recipient: recipients[i] ?? recipient, position: i, outcome })),
  };
}

/**
 * A recipient that another one has become. Reports of failure and delay are made of it as of that one, and under its name;
 * of success, that one is told of as such (RFC 3461 §5.2.7).
 */
function childOf(parent: Recipient, address: string): Recipient {
  const { notification, ...rest } = parent;
  if (notification === undefined) return { ...rest, address };
  const { notify, originalRecipient = `rfc822;${encodeXtext(parent.address)}` } = notification;
  if (notify === undefined) return { ...rest, address, notification: { originalRecipient } };
  const left = notify.filter((occasion) => occasion !== "SUCCESS");
  return {
    ...rest,
    address,
    notification: { notify: left.length === 0 ? ["NEVER"] : left, originalRecipient },
  };
}

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
