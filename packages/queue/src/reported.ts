import type { DeliveryItem, RouteItem } from "@postbus/contracts";
import type { ReportRecipient } from "@postbus/dsn";
import type { Attempted } from "./attempted.ts";

/** A recipient of whom the sender is told. */
export interface Reported {
  readonly attempted: Attempted;
  /** In the item. */
  readonly position: number;
  /** Words of the log's `**` or `==` line, or what the host has said. */
  readonly text: string;
  /** Given up after temporary failures. */
  readonly timedOut: boolean;
  readonly action?: "delivered" | "relayed" | "expanded";
  readonly retryUntilMs?: number;
}

/** Who is told of a failure: `errors_to`, or the return path. Empty: nobody. */
export function errorsAddress(item: RouteItem | DeliveryItem, attempted: Attempted): string {
  return ownErrorsAddress(item, attempted) ?? item.returnPath;
}

/** `errors_to` of the routers that the recipient has come by; undefined: none had any. */
export function ownErrorsAddress(
  item: RouteItem | DeliveryItem,
  { errorsTo, recipient }: Attempted,
): string | undefined {
  return errorsTo ?? ("errorsTo" in item ? item.errorsTo : undefined) ?? recipient.origin?.errorsTo;
}

/**
 * What the sender is told of one recipient. Words of another host, and the router's, are passed on; those of a
 * transport that spoke to no host are not: they may name files of ours (Exim does the same).
 */
export function reportRecipient(item: RouteItem | DeliveryItem, reported: Reported): ReportRecipient {
  const { attempted, timedOut, action, retryUntilMs } = reported;
  const { recipient, result } = attempted;
  const { origin, notification } = recipient;
  const made: { -readonly [name in keyof ReportRecipient]: ReportRecipient[name] } = {
    address: recipient.address,
    text: textForSender(item, reported),
    timedOut,
  };
  if (origin !== undefined) made.parents = origin.parents;
  if (origin?.isHidden === true) made.isHidden = true;
  if (notification?.originalRecipient !== undefined) made.originalRecipient = notification.originalRecipient;
  if (action !== undefined) made.action = action;
  if (retryUntilMs !== undefined) made.retryUntilMs = retryUntilMs;
  if (result.outcome === "failed" && result.ownReply !== undefined) made.ownReply = result.ownReply;
  if (result.outcome !== "deferred" && result.output !== undefined) made.output = result.output;
  if (result.host !== undefined) made.host = result.host;
  if (result.hostAddress !== undefined) made.hostAddress = result.hostAddress;
  if (result.hostPort !== undefined) made.hostPort = result.hostPort;
  if (result.greeting !== undefined) made.greeting = result.greeting;
  if (result.heloReply !== undefined) made.heloReply = result.heloReply;
  return made;
}

function textForSender(item: RouteItem | DeliveryItem, { attempted, text, timedOut }: Reported): string {
  const { result, transport } = attempted;
  if (result.outcome === "delivered") return result.host === undefined ? "" : (result.confirmation ?? "");
  if (result.outcome === "failed" && result.textForSender !== undefined) return result.textForSender;
  const hasTransport = transport !== undefined || "transport" in item;
  if (result.host !== undefined || !hasTransport) return text;
  if (timedOut) return "retry timeout exceeded";
  return result.outcome === "failed" ? "local delivery failed" : "";
}
