import type { DeliveryItem, MailEvent, RouteItem } from "@postbus/contracts";
import type { AttemptResult } from "./attempt-result.ts";
import type { Attempted, ConcludeContext } from "./attempted.ts";

type Event<N extends MailEvent["name"]> = Extract<MailEvent, { name: N }>;
type ResultOf<O extends AttemptResult["outcome"]> = Extract<AttemptResult, { outcome: O }>;

/** What the events of one attempt have in common. */
export interface AttemptView {
  readonly workId: string;
  readonly item: RouteItem | DeliveryItem;
  readonly attempted: Attempted;
  /** Of the recipient in the item; makes the event's id. */
  readonly position: number;
  readonly context: ConcludeContext;
}

export function deliveredEvent(
  view: AttemptView,
  result: ResultOf<"delivered">,
  further: boolean,
  possibleDuplicate: boolean,
): Event<"msg:delivery"> {
  const event: Event<"msg:delivery"> = attemptEvent(view, "msg:delivery");
  if (further) event.further = true;
  if (result.reused === true) event.reused = true;
  if (result.cipher !== undefined) secured(event, result, view.context.logged);
  if (result.steps !== undefined && view.context.logged?.has("protocol_detail") === true) event.steps = result.steps;
  if (result.authenticator !== undefined) event.authenticator = result.authenticator;
  if (result.authenticatedId !== undefined) event.authenticatedId = result.authenticatedId;
  if (result.isPipelined === true && view.context.logged?.has("pipelining") === true) event.isPipelined = true;
  if (result.isPrdr === true) event.isPrdr = true;
  if (result.isChunked === true) event.isChunked = true;
  if (result.signers !== undefined && view.context.logged?.has("dkim_verbose") === true)
    event.signers = [...result.signers];
  if (result.shadow !== undefined) event.shadow = result.shadow;
  if ("hostText" in view.item && view.item.hostText !== undefined) event.hostText = view.item.hostText;
  if (view.context.logged !== undefined) measured(event, view, view.context.logged);
  if (result.confirmation !== undefined) event.confirmation = result.confirmation;
  if ("srsSender" in view.item && view.item.srsSender !== undefined) event.srsSender = view.item.srsSender;
  if (possibleDuplicate) event.possibleDuplicate = true;
  return event;
}

/** @param nextTryAtMs For a deferral that was the last one: now, nobody waits. */
export function deferredEvent(view: AttemptView, result: ResultOf<"deferred">, nextTryAtMs: number) {
  const common = attemptEvent(view, "msg:defer");
  return { ...common, errno: result.errno, text: result.text, nextTryAtMs } satisfies Event<"msg:defer">;
}

export function failedEvent(view: AttemptView, text: string): Event<"msg:fail:delivery"> {
  const event: Event<"msg:fail:delivery"> = { ...attemptEvent(view, "msg:fail:delivery"), text };
  const { result } = view.attempted;
  if (result.steps !== undefined && view.context.logged?.has("protocol_detail") === true) event.steps = result.steps;
  if (result.cipher !== undefined) secured(event, result, view.context.logged);
  return event;
}

/** Of the bits of `$tls_out_resumption`: an earlier session went on. */
const RESUMED = 16;

function secured(
  event: Pick<Event<"msg:delivery">, "cipher" | "certificateVerified" | "peerName" | "isResumed">,
  { cipher, certificateVerified, peerName, tlsResumption = 0 }: AttemptResult,
  logged: ReadonlySet<string> | undefined,
): void {
  if (cipher !== undefined) event.cipher = cipher;
  if (certificateVerified !== undefined) event.certificateVerified = certificateVerified;
  if (peerName !== undefined && logged?.has("tls_peerdn") === true) event.peerName = peerName;
  if ((tlsResumption & RESUMED) !== 0 && logged?.has("tls_resumption") === true) event.isResumed = true;
}

/** What selectors want to be measured. */
function measured(event: Event<"msg:delivery">, { item, context }: AttemptView, logged: ReadonlySet<string>): void {
  if (logged.has("queue_time")) event.queuedMs = Math.max(0, context.nowMs - item.receivedAtMs);
  if (logged.has("delivery_size")) event.sentOctets = context.sentOctets ?? item.reception.size;
}

type AttemptFields<N extends MailEvent["name"]> = { name: N } & Pick<
  Event<"msg:delivery">,
  | "v"
  | "id"
  | "atMs"
  | "service"
  | "messageId"
  | "recipient"
  | "returnPath"
  | "router"
  | "transport"
  | "host"
  | "hostAddress"
  | "hostPort"
  | "errorsTo"
  | "parents"
  | "isHostSigned"
  | "proxyAddress"
  | "proxyPort"
  | "tookMs"
  | "localAddress"
  | "localPort"
>;

/** Assigned one by one, not spread: this is made for every recipient of every message. */
function attemptEvent<N extends MailEvent["name"]>(view: AttemptView, name: N): AttemptFields<N> {
  const { item, attempted, context } = view;
  const { result } = attempted;
  const event: AttemptFields<N> = {
    v: 1,
    id: `${view.workId}:${name}:${view.position}`,
    atMs: context.nowMs,
    service: context.service,
    messageId: item.messageId,
    name,
    recipient: attempted.recipient.address,
    returnPath: item.returnPath,
  };
  const router = attempted.router ?? ("router" in item ? item.router : undefined);
  const transport = attempted.transport ?? ("transport" in item ? item.transport : undefined);
  if (router !== undefined) event.router = router;
  if (transport !== undefined) event.transport = transport;
  const { origin } = attempted.recipient;
  if (origin !== undefined) event.parents = origin.parents;
  const errorsTo = "errorsTo" in item ? item.errorsTo : undefined;
  if (errorsTo !== undefined) event.errorsTo = errorsTo;
  const { logged, tookMs } = context;
  if (logged !== undefined) {
    if (tookMs !== undefined && logged.has("deliver_time")) event.tookMs = tookMs;
    if (logged.has("incoming_interface") && logged.has("outgoing_interface")) {
      if (result.localAddress !== undefined) event.localAddress = result.localAddress;
      if (result.localPort !== undefined) event.localPort = result.localPort;
    }
    if (result.isHostSigned === true && logged.has("dnssec")) event.isHostSigned = true;
    if (result.proxyAddress !== undefined && logged.has("proxy")) {
      event.proxyAddress = result.proxyAddress;
      if (result.proxyPort !== undefined) event.proxyPort = result.proxyPort;
    }
  }
  if (result.host !== undefined) event.host = result.host;
  if (result.hostAddress !== undefined) event.hostAddress = result.hostAddress;
  if (result.hostPort !== undefined) event.hostPort = result.hostPort;
  return event;
}
