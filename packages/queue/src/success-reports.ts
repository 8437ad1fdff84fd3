import type { WorkItem } from "@postbus/bus";
import type { DeliveryItem, RouteItem } from "@postbus/contracts";
import type { Attempted, ConcludeContext } from "./attempted.ts";
import { type Reports, reportMessages } from "./report-messages.ts";
import { successOf } from "./success.ts";

/**
 * Reports of what routers have brought to an end without a delivery: nothing where the sender has not asked to be told.
 *
 * @param action `expanded`: the address stands for several others, and what becomes of them is reported of each
 *   (RFC 3461 §5.2.7.3).
 */
export async function successReports(
  work: Pick<WorkItem, "id" | "content">,
  item: RouteItem | DeliveryItem,
  attempted: readonly Attempted[],
  context: ConcludeContext,
  action: "delivered" | "expanded" = "delivered",
): Promise<Reports> {
  const reported = attempted.flatMap((one) =>
    successOf(item, one, item.recipients.indexOf(one.recipient)).map((success) => ({ ...success, action })),
  );
  return reportMessages({ kind: "success" }, work, item, reported, context);
}
