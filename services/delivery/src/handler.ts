import type { Bus, Handler, Outcome, WorkItem } from "@postbus/bus";
import { DeliveryItem, type MailEvent, withOrigins } from "@postbus/contracts";
import { ConfigError, DeferError } from "@postbus/mail";
import { type MessageContent, messageContent, type OutcomeRaiser, type Policy, type Transport } from "@postbus/policy";
import {
  type AddressRetries,
  type Attempted,
  type AttemptResult,
  conclude,
  type RetryStep,
  retriedAddress,
} from "@postbus/queue";
import { errnos } from "@postbus/smtp";
import type { Logger } from "pino";
import { Compile } from "typebox/compile";
import { deliverByAppendfile } from "./appendfile/appendfile-delivery.ts";
import type { MailboxDeps } from "./appendfile/mailbox-deps.ts";
import type { Attempt, AttemptReport } from "./attempt.ts";
import { type AutoreplyDeps, deliverByAutoreply } from "./autoreply/autoreply-delivery.ts";
import { DeliveryRetries } from "./delivery-retries.ts";
import { AttemptEvents } from "./events/attempt-events.ts";
import { throughFilter } from "./filter/through-filter.ts";
import { LeaseLostError } from "./lease-lost-error.ts";
import { deliverByLmtp } from "./lmtp/lmtp-delivery.ts";
import { recipientVariables } from "./message/recipient-variables.ts";
import type { DeliveryMetrics } from "./metrics.ts";
import { Notes } from "./notes.ts";
import { deliverToPipe } from "./pipe/pipe-delivery.ts";
import type { ProgramDeps } from "./programs/program-deps.ts";
import { deliverToQueuefile } from "./queuefile/queuefile-delivery.ts";
import { withShadow } from "./shadow-delivery.ts";
import { deliverBySmtp } from "./smtp/smtp-delivery.ts";
import type { SmtpDeps } from "./smtp/smtp-deps.ts";
import { type Suspended, withoutSuspended, withSuspended } from "./suspended.ts";

/** Exim's number for `internal configuration error`. */
const CONFIGURATION_ERROR = -30;

export interface DeliveryDeps {
  /** The one in force now: asked for each item. */
  readonly policy: () => Pick<Policy, "primaryHostname" | "qualifyDomain" | "reports" | "retryRule" | "transport"> &
    Partial<Pick<Policy, "queue" | "smtp" | "events">> & { readonly log?: Pick<Policy["log"], "ofDeliveries"> };
  /** For bounces, which quote the header section. */
  readonly readSpooled: Bus["spool"]["read"];
  /** For bounces that return large messages; absent: they return header sections. */
  readonly createSpooled?: Bus["spool"]["create"];
  readonly smtp: SmtpDeps;
  readonly mailboxes: MailboxDeps;
  /** Where nothing is delivered to for now; absent: there is no such place. */
  readonly suspended?: Suspended;
  /** What replicas know together of addresses that cannot be reached; absent: each recipient knows its own failures alone. */
  readonly retries?: AddressRetries;
  /** What policies do about events; absent: nothing. */
  readonly raiser?: OutcomeRaiser;
  /** Pipes, and LMTP servers on this machine. */
  readonly programs: ProgramDeps;
  readonly autoreply: AutoreplyDeps;
  readonly metrics: DeliveryMetrics;
  readonly log: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: () => number;
}

const deliveryItem = Compile(DeliveryItem);

/**
 * One item in, its consequences out.
 *
 * They are returned, not published: the bus commits them together with the item's end, so no crash can lose a
 * recipient. What a crash can do is repeat the transaction that was under way, and then a host may get the message
 * twice; a Maildir finds its own file again.
 *
 * @throws {LeaseLostError} the item is somebody else's.
 * @throws {SpoolError} the content is damaged: the bus freezes the item when that goes on.
 */
export function deliveryHandler(deps: DeliveryDeps): Handler {
  return async (work) => {
    const { header } = work;
    if (!deliveryItem.Check(header)) throw new Error(`item ${work.id} is not a delivery item: ${firstProblem(header)}`);
    const item = withOrigins(header);
    const startedMs = performance.now();
    const policy = deps.policy();
    const retries = deliveryRetries(item, policy, deps);
    // New mail is tried at once, and waits for nobody to say so.
    const isNew = item.attempt === 1;
    const before = work.remembered as AttemptReport | undefined;
    const putOff = deps.suspended?.of(item) ?? (isNew ? undefined : await retries?.putOff(policy.retryRule));
    const held = before === undefined ? putOff : item.recipients.map((_, i) => before.results[i] ?? putOff?.[i]);
    const events = attemptEvents(work.id, item, policy.events);
    const notes = new Notes();
    const note = notes.add;
    const made = await attemptOthers({ work, item, content: work.content, events, note }, held, policy, deps);
    const report = withNotes(made, before?.notes ?? [], notes.all, before?.events ?? []);
    const { results } = report;
    const isShared = retries !== undefined && !retries.isIdle(results);
    const isTold = events !== undefined || policy.events?.main !== undefined;
    if (isWorthNoting(report, item, isShared || isTold)) work.remember(report);
    // Whoever has lost the item must not end it: what the holder makes of it counts.
    if (!work.isHeld() && !results.some(({ outcome }) => outcome === "delivered")) {
      throw new LeaseLostError("the item was not held when its attempt had ended");
    }
    const { router, transport } = item;
    const attempted = item.recipients.map((recipient, i): Attempted => {
      const result = results[i] ?? { outcome: "deferred", errno: 0, text: "no result" };
      deps.metrics.attempted(result.outcome);
      return { recipient, result, router, transport };
    });
    const tookMs = performance.now() - startedMs;
    deps.metrics.worked(tookMs / 1000);
    if (deps.log.isLevelEnabled("debug")) {
      for (const { recipient, result } of attempted) {
        const { messageId } = item;
        deps.log.debug({ messageId, transport, recipient: recipient.address, ...result }, "delivery attempt");
      }
    }
    const isOver = attempted.every(({ result }) => result.outcome !== "deferred");
    const steps = isOver ? NO_RULES : await retrySteps(item, attempted, policy);
    const logged = policy.log?.ofDeliveries;
    const nowMs = deps.now();
    const ends = isShared ? await retries.remembered(attempted, steps, nowMs, deps.random) : attempted;
    const outcome = await conclude(work, item, ends, {
      service: "delivery",
      nowMs,
      random: deps.random,
      primaryHostname: policy.primaryHostname,
      qualifyDomain: policy.qualifyDomain,
      reports: policy.reports,
      readSpooled: deps.readSpooled,
      ...(deps.createSpooled === undefined ? {} : { createSpooled: deps.createSpooled }),
      retryRule: (address) => steps.get(address) ?? [],
      ...(policy.queue === undefined ? {} : { rules: policy.queue }),
      ...(logged === undefined ? {} : { logged, tookMs: Math.round(tookMs) }),
    });
    const { events: actions } = policy;
    const raised =
      actions === undefined || deps.raiser === undefined
        ? outcome
        : await deps.raiser.raise(outcome, { workId: work.id, item, known: knownOf(item, results, events) }, actions);
    const noted = withReport(raised, report, work, item, deps.now());
    return events === undefined
      ? noted
      : { ...noted, events: [...events.end((lines) => deps.raiser?.record(lines)), ...(noted.events ?? [])] };
  };
}

/**
 * Somebody has the message, and what follows takes more than this turn of the event loop: reports are composed, the fleet's retry
 * records asked, actions of the policy carried out. Messages of the transport's own are made again instead.
 */
function isWorthNoting({ results, publish }: AttemptReport, item: DeliveryItem, asksOthers: boolean): boolean {
  if (publish !== undefined || results.every(({ outcome }) => outcome !== "delivered")) return false;
  if (asksOthers || results.some(({ outcome }) => outcome !== "delivered")) return true;
  return item.recipients.some(({ notification }) => notification?.notify?.includes("SUCCESS"));
}

const NO_RULES: ReadonlyMap<string, readonly RetryStep[]> = new Map();

/** Undefined: nothing is shared, or the transport is not there any more. */
function deliveryRetries(
  item: DeliveryItem,
  policy: Pick<Policy, "transport">,
  { retries, now }: Pick<DeliveryDeps, "retries" | "now">,
): DeliveryRetries | undefined {
  if (retries === undefined) return undefined;
  try {
    return new DeliveryRetries(retries, item, policy.transport(item.transport), now());
  } catch (err) {
    unusable(err);
    return undefined;
  }
}

function attemptEvents(
  id: string,
  item: DeliveryItem,
  actions: Policy["events"] | undefined,
): AttemptEvents | undefined {
  const action = actions?.ofTransport(item.transport);
  return action === undefined ? undefined : new AttemptEvents(id, item, action);
}

/** What actions may know of a recipient's end besides what is in its event. */
function knownOf({ recipients }: DeliveryItem, results: readonly AttemptResult[], events: AttemptEvents | undefined) {
  return (recipient: string) => {
    const result = results[recipients.findIndex(({ address }) => address === recipient)];
    const own = {
      sending_ip_address: result?.localAddress,
      sending_port: result?.localPort,
      ...(result?.tlsResumption === undefined ? {} : { tls_out_resumption: result.tlsResumption }),
    };
    const hop = result?.host === undefined ? events?.lastHop : undefined;
    // The log names no host that could not be reached; an action may know it.
    return hop === undefined ? own : { ...own, host: hop.name, host_address: hop.address, host_port: hop.port };
  };
}

function withNotes(
  made: AttemptReport,
  before: readonly string[],
  now: readonly string[],
  events: readonly MailEvent[],
): AttemptReport {
  if (before.length + now.length + events.length === 0) return made;
  return { ...made, notes: [...before, ...now, ...made.notes], events: [...events, ...(made.events ?? [])] };
}

/** @param held Results of those recipients that are not to be tried now. */
async function attemptOthers(
  { work, ...most }: Omit<Attempt, "work" | "served"> & { readonly work: WorkItem },
  held: readonly (AttemptResult | undefined)[] | undefined,
  policy: Parameters<typeof attempt>[1],
  deps: DeliveryDeps,
): Promise<AttemptReport> {
  const given: Attempt = { ...most, work, served: (results) => work.remember({ results, notes: [] }) };
  if (held === undefined) return attempt(given, policy, deps);
  const rest = withoutSuspended(given.item, held);
  if (rest.recipients.length === 0) return withSuspended({ results: [], notes: [] }, held);
  // Noted at the end only: the positions are others.
  return withSuspended(await attempt({ ...given, item: rest, served: undefined }, policy, deps), held);
}

async function attempt(
  given: Attempt,
  policy: Pick<Policy, "primaryHostname" | "qualifyDomain" | "reports" | "transport"> & Partial<Pick<Policy, "smtp">>,
  deps: DeliveryDeps,
): Promise<AttemptReport> {
  const { cancelled: text } = given.item;
  if (text !== undefined) return { results: given.item.recipients.map(() => ({ outcome: "failed", text })), notes: [] };
  const found = transportOf(given, policy, deps);
  const transport = found instanceof Promise ? await found : found;
  if (transport instanceof ConfigError || transport instanceof DeferError) {
    // Made under another version of the policy: routed again, it gets a transport of this one.
    const result: AttemptResult = { outcome: "deferred", errno: CONFIGURATION_ERROR, text: transport.message };
    return { results: given.item.recipients.map(() => result), notes: [] };
  }
  const report =
    transport.filter === undefined
      ? await deliver(given, transport, policy, deps)
      : await throughFilter(given, transport, deps.programs, (through) => deliver(through, transport, policy, deps));
  const compiled = policy.transport(given.item.transport);
  if (compiled.shadow === undefined) return report;
  const visible = policy.smtp?.bodyVisibleOctets ?? 0;
  const seen = await messageContent(given.content, compiled.variables, deps.readSpooled, visible);
  const variables = recipientVariables(given.item, compiled.driver, seen, deps.now);
  return withShadow(given, report, compiled.shadow, variables, (shadowed) =>
    attempt({ ...shadowed, served: undefined }, policy, deps),
  );
}

function deliver(
  given: Attempt,
  transport: Transport,
  policy: Pick<Policy, "primaryHostname" | "qualifyDomain" | "reports">,
  deps: DeliveryDeps,
): Promise<AttemptReport> {
  switch (transport.driver) {
    case "smtp":
      return deliverBySmtp(given, transport, deps.smtp);
    case "appendfile":
      return deliverByAppendfile(given, transport, policy, deps.mailboxes);
    case "queuefile":
      return deliverToQueuefile(given, transport, deps.mailboxes);
    case "autoreply":
      return deliverByAutoreply(given, transport, policy, deps.autoreply);
    case "lmtp":
      return deliverByLmtp(given, transport, policy.primaryHostname, deps.programs);
    case "pipe":
      return deliverToPipe(given, transport, deps.programs);
    default:
      return unreachable(transport);
  }
}

type Usable = Transport | ConfigError | DeferError;

/** The transport with its options as they are for this message. */
function transportOf(
  { item, content }: Attempt,
  policy: Pick<Policy, "transport"> & Partial<Pick<Policy, "smtp">>,
  deps: Pick<DeliveryDeps, "readSpooled" | "now">,
): Usable | Promise<Usable> {
  try {
    const compiled = policy.transport(item.transport);
    const octets = policy.smtp?.bodyVisibleOctets ?? 0;
    const looking = messageContent(content, compiled.variables, deps.readSpooled, octets);
    const at = (seen: MessageContent | undefined) =>
      compiled.at(recipientVariables(item, compiled.driver, seen, deps.now), item.recipients[0]?.address ?? "");
    const transport = looking instanceof Promise ? looking.then(at) : at(looking);
    return transport instanceof Promise ? transport.catch(unusable) : transport;
  } catch (err) {
    return unusable(err);
  }
}

function unusable(err: unknown): ConfigError | DeferError {
  if (err instanceof ConfigError || err instanceof DeferError) return err;
  throw err;
}

/** The retry rules for what is left over. */
async function retrySteps(
  { returnPath, areMx, transport }: DeliveryItem,
  attempted: readonly Attempted[],
  policy: Pick<Policy, "retryRule" | "transport">,
): Promise<ReadonlyMap<string, readonly RetryStep[]>> {
  const steps = new Map<string, readonly RetryStep[]>();
  const isOfDomain = isRetriedByDomain(policy, transport);
  for (const { recipient, result } of attempted) {
    if (result.outcome !== "deferred") continue;
    const { address } = recipient;
    const { errno, host, replyDigits, unreadForMs } = result;
    // 4xx to RCPT is about the address, everything else that a host has said is about the host.
    const blamed = errno === errnos.rcpt4xx ? undefined : host;
    const found = policy.retryRule({
      ...{ address: retriedAddress(recipient), returnPath, errno, replyDigits, unreadForMs, host: blamed, isMx: areMx },
      ...(isOfDomain ? { isOfDomain } : {}),
    });
    steps.set(address, found instanceof Promise ? await found : found);
  }
  return steps;
}

/** `retry_use_local_part = false` of a local transport. */
function isRetriedByDomain(policy: Pick<Policy, "transport">, name: string): boolean {
  try {
    const { driver, isRetriedByLocalPart = true } = policy.transport(name);
    return driver !== "smtp" && !isRetriedByLocalPart;
  } catch (err) {
    unusable(err);
    return false;
  }
}

/** What happened on the way comes before what came of it. */
function withReport(
  outcome: Outcome,
  { notes, publish, events = [] }: AttemptReport,
  work: Pick<WorkItem, "id">,
  { messageId }: DeliveryItem,
  atMs: number,
): Outcome {
  if (notes.length === 0 && publish === undefined) return outcome;
  const noted = notes.map(
    (text, i): MailEvent => ({
      v: 1,
      id: `${work.id}:msg:note:${i}`,
      atMs,
      service: "delivery",
      messageId,
      name: "msg:note",
      text,
    }),
  );
  const made = publish === undefined ? outcome : { ...outcome, publish: [...publish, ...(outcome.publish ?? [])] };
  return { ...made, events: [...events, ...noted, ...(outcome.events ?? [])] };
}

function firstProblem(item: unknown): string {
  const [problem] = deliveryItem.Errors(item);
  return problem === undefined ? "?" : `${problem.instancePath} ${problem.message}`;
}

/** The compiler refuses the call when a new driver has no case above. */
function unreachable(value: never): never {
  throw new Error(`unhandled transport: ${JSON.stringify(value)}`);
}
