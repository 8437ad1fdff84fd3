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
  if (result.cipher !== undefined) event.cipher = result.cipher;
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

export function failedEvent(view: AttemptView, text: string) {
  return { ...attemptEvent(view, "msg:fail:delivery"), text } satisfies Event<"msg:fail:delivery">;
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
  if (result.host !== undefined) event.host = result.host;
  if (result.hostAddress !== undefined) event.hostAddress = result.hostAddress;
  if (result.hostPort !== undefined) event.hostPort = result.hostPort;
  return event;
}
