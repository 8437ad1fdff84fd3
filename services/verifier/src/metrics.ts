import { Counter, Histogram, type Registry } from "prom-client";

export interface CheckMetrics {
  readonly checks: Counter<"check" | "result">;
  readonly seconds: Histogram<"check">;
}

/** From a cached answer to the deadline. */
const BUCKETS_SECONDS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 30];

export function checkMetrics(registry: Registry): CheckMetrics {
  return {
    checks: new Counter({
      name: "postbus_verifier_checks_total",
      help: "Checks by their result (RFC 8601); one for each DKIM signature",
      labelNames: ["check", "result"],
      registers: [registry],
    }),
    seconds: new Histogram({
      name: "postbus_verifier_check_seconds",
      help: "From question to answer: spf, or message (DKIM, DMARC and ARC)",
      labelNames: ["check"],
      buckets: BUCKETS_SECONDS,
      registers: [registry],
    }),
  };
}
