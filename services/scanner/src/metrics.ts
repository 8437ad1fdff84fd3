import { Counter, Histogram, type Registry } from "prom-client";
import type { EngineName } from "./engines/engine.ts";
import type { EngineProgram, HostWatch } from "./hosts/engine-hosts.ts";

/** `kept`: answered with what the engine has said before. `busy`: too many wait for it. */
type ScanResult = "scanned" | "kept" | "failed" | "busy";

export interface ScanMetrics extends HostWatch {
  answered(engine: EngineName, result: ScanResult): void;
}

/** From a small message on a quiet machine to the deadline. */
const BUCKETS_SECONDS = [0.005, 0.02, 0.1, 0.5, 2, 10, 30, 120];

export function scanMetrics(registry: Registry): ScanMetrics {
  const scans = new Counter({
    name: "postbus_scanner_scans_total",
    help: "Questions about messages, by what they were answered with",
    labelNames: ["engine", "result"],
    registers: [registry],
  });
  const asks = new Counter({
    name: "postbus_scanner_asks_total",
    help: "What became of questions to engines' programs; refused: not asked, since it has failed too often",
    labelNames: ["program", "result"],
    registers: [registry],
  });
  const seconds = new Histogram({
    name: "postbus_scanner_ask_seconds",
    help: "Until a program has answered or failed, waiting for a connection included",
    labelNames: ["program"],
    buckets: BUCKETS_SECONDS,
    registers: [registry],
  });
  return {
    answered: (engine, result) => scans.inc({ engine, result }),
    asked(program: EngineProgram, result, tookSeconds) {
      asks.inc({ program, result });
      if (result !== "refused") seconds.observe({ program }, tookSeconds);
    },
  };
}
