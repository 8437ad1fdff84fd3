import { join } from "node:path";
import { loadPolicy } from "@postbus/policy";
import type { Service } from "@postbus/service-kit";
import { DeliverySettings } from "./config.ts";
import { deliveryHandler } from "./handler.ts";
import { maildirDeps } from "./maildir/maildir-delivery.ts";
import { deliveryMetrics } from "./metrics.ts";
import { AddressCache } from "./smtp/address-cache.ts";
import { ConnectionPool } from "./smtp/connection-pool.ts";

/** Of the grace period, what is left when next hops that have stalled are not waited for any more. */
const HURRY_BEFORE_END_MS = 5_000;

/** router → the next hop or the mailbox; what is left over goes back to router, or to the sender as a bounce. */
export const delivery: Service<typeof DeliverySettings> = {
  name: "delivery",
  settings: DeliverySettings,
  async start({ settings, bus, log, metrics }) {
    const { config: file, macros, data } = settings;
    const policy = await loadPolicy({ file, macros, data });
    const pool = new ConnectionPool({ heloName: () => policy.primaryHostname, idleMs: settings.deliveryIdleMs });
    const handler = deliveryHandler({
      policy: () => policy,
      readSpooled: (reference) => bus.spool.read(reference),
      smtp: { pool, addresses: new AddressCache(), spool: bus.spool },
      maildir: maildirDeps(bus.spool),
      metrics: deliveryMetrics(metrics, () => pool.openCount),
      log,
      now: Date.now,
      random: Math.random,
    });
    const { deliveryConcurrency: concurrency } = settings;
    const items = await bus.consume("deliver", { concurrency, journal: join(data, "outcomes") }, handler);
    return [
      { name: "connections", stop: () => pool.close() },
      {
        name: "delivery items",
        policyVersion: policy.version,
        async stop() {
          const patienceMs = Math.max(settings.shutdownGraceMs - HURRY_BEFORE_END_MS, settings.shutdownGraceMs / 2);
          const timer = setTimeout(() => pool.hurry(), patienceMs);
          await items.drain();
          clearTimeout(timer);
        },
      },
    ];
  },
};
