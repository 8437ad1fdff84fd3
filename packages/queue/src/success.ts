import type { DeliveryItem, RouteItem } from "@postbus/contracts";
import type { Attempted } from "./attempted.ts";
import type { Reported } from "./reported.ts";

/**
 * Of a delivered recipient, what its sender has asked to be told (RFC 3461 §5.2.2, §5.2.4): a host that knows DSN does so
 * itself. A report about a report there is not.
 */
export function successOf(item: RouteItem | DeliveryItem, attempted: Attempted, position: number): readonly Reported[] {
  const { recipient, result } = attempted;
  const isWanted = item.returnPath !== "" && recipient.notification?.notify?.includes("SUCCESS") === true;
  if (!isWanted || result.outcome !== "delivered" || result.isNotificationPassedOn === true) return [];
  const action = result.host === undefined ? "delivered" : "relayed";
  return [{ attempted, position, text: result.confirmation ?? "", timedOut: false, action }];
}
