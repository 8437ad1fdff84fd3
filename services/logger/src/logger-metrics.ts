import type { EventBatch } from "@postbus/bus";
import { Counter, Gauge, type Registry } from "prom-client";

/** What `/metrics` says about the record of events; one counter covers the whole fleet's mail. */
export function loggerMetrics(registry: Registry): { countBatch(batch: EventBatch): void } {
  const registers = [registry];
  const events = new Counter({
    name: "postbus_logger_events_total",
    help: "Events written to the log and the history",
    labelNames: ["name"],
    registers,
  });
  const duplicates = new Counter({
    name: "postbus_logger_possible_duplicates_total",
    help: "Deliveries that a process which died may have made once before",
    registers,
  });
  const gaps = new Counter({
    name: "postbus_logger_gaps_total",
    help: "Times that events were lost before they were written",
    registers,
  });
  const behind = new Gauge({
    name: "postbus_logger_behind_seconds",
    help: "Age of the last event when it was written",
    registers,
  });
  return {
    countBatch({ events: batch, gap }) {
      const counts = new Map<string, number>();
      for (const event of batch) {
        counts.set(event.name, (counts.get(event.name) ?? 0) + 1);
        if (event.name === "msg:delivery" && event.possibleDuplicate === true) duplicates.inc();
      }
      for (const [name, count] of counts) events.inc({ name }, count);
      if (gap) gaps.inc();
      const last = batch.at(-1);
      if (last !== undefined) behind.set(Math.max(0, Date.now() - last.atMs) / 1_000);
    },
  };
}
