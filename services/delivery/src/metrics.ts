import type { AttemptResult } from "@postbus/queue";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

export interface DeliveryMetrics {
  /** One recipient has come to the end of an attempt. */
  attempted(outcome: AttemptResult["outcome"]): void;
  /** One item has been worked on for so long. */
  worked(seconds: number): void;
}

/** @param openConnections Asked whenever the metrics are read. */
export function deliveryMetrics(registry: Registry, openConnections: () => number): DeliveryMetrics {
  const registers = [registry];
  const attempts = new Counter({
    name: "postbus_delivery_attempts_total",
    help: "Recipients by what came of an attempt to deliver to them",
    labelNames: ["outcome"],
    registers,
  });
  new Gauge({
    name: "postbus_delivery_connections",
    help: "Open connections to next hops",
    registers,
    collect() {
      this.set(openConnections());
    },
  });
  const seconds = new Histogram({
    name: "postbus_delivery_transaction_seconds",
    help: "From taking an item to its outcome",
    // From a kept connection on the same machine to RFC 5321's ten minutes for the final dot.
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2, 10, 60, 600],
    registers,
  });
  const byOutcome = {
    delivered: attempts.labels("delivered"),
    deferred: attempts.labels("deferred"),
    failed: attempts.labels("failed"),
  };
  return {
    attempted: (outcome) => byOutcome[outcome].inc(),
    worked: (value) => seconds.observe(value),
  };
}
