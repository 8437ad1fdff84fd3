import { loadPolicy } from "@postbus/policy";
import type { Service } from "@postbus/service-kit";
import { RouterSettings } from "./config.ts";
import { routerHandler } from "./handler.ts";
import { routerMetrics } from "./metrics.ts";

/** Where does each recipient go? Route items in; delivery items, retries and bounces out. */
export const router: Service<typeof RouterSettings> = {
  name: "router",
  settings: RouterSettings,
  async start({ settings, bus, log, metrics }) {
    const { config: file, macros, data, routerConcurrency: concurrency } = settings;
    const policy = await loadPolicy({ file, macros, data });
    const handler = routerHandler({
      policy: () => policy,
      readSpooled: (reference) => bus.spool.read(reference),
      metrics: routerMetrics(metrics),
      log,
      now: Date.now,
      random: Math.random,
    });
    const items = await bus.consume("route", { concurrency }, handler);
    log.info({ policyVersion: policy.version, concurrency }, "routing");
    return [{ name: "route items", policyVersion: policy.version, stop: () => items.drain() }];
  },
};
