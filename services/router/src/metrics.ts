import type { RoutingOutcome } from "@postbus/routing";
import { Counter, type Registry } from "prom-client";

export interface RouterMetrics {
  /** One recipient was routed, with this result. */
  routed(kind: RoutingOutcome["kind"]): void;
}

export function routerMetrics(registry: Registry): RouterMetrics {
  const recipients = new Counter({
    name: "postbus_router_recipients_total",
    help: "Recipients by what routing came to",
    labelNames: ["result"],
    registers: [registry],
  });
  // Looked up once: this runs for every recipient of every message.
  const byKind = {
    deliver: recipients.labels("deliver"),
    discard: recipients.labels("discard"),
    fail: recipients.labels("fail"),
    defer: recipients.labels("defer"),
  };
  return { routed: (kind) => byKind[kind].inc() };
}
