import { openResolver } from "@postbus/dns";
import { OutcomeRaiser, PolicyInForce } from "@postbus/policy";
import { AddressRetries, DEFAULT_QUEUE_RULES, RetryRecords } from "@postbus/queue";
import { compileRouters, srsBucket, srsStore } from "@postbus/routing";
import { type Service, startReloadListener } from "@postbus/service-kit";
import { RouterSettings } from "./config.ts";
import type { RoutingPolicy } from "./destinations.ts";
import { FrozenMail } from "./frozen-mail.ts";
import { routerHandler } from "./handler.ts";
import { routerMetrics } from "./metrics.ts";

/** Where does each recipient go? Route items in; delivery items, retries and bounces out. */
export const router: Service<typeof RouterSettings> = {
  name: "router",
  settings: RouterSettings,
  async start({ settings, bus, log, metrics, instance }) {
    const { config: file, macros, data, dnsServers, routerConcurrency: concurrency } = settings;
    const policy = await PolicyInForce.start({
      ...{ file, macros, data, log },
      resolver: await openResolver(dnsServers),
      use: (loaded): RoutingPolicy => ({ ...loaded, routing: compileRouters(loaded.configuration) }),
    });
    const control = await startReloadListener({ bus, service: "router", instance, policy });
    const raiser = new OutcomeRaiser({ service: "router", record: (events) => bus.events.record(events), log });
    const rules = () => policy.current.queue ?? DEFAULT_QUEUE_RULES;
    const records = new RetryRecords({
      values: bus.keyValue("retry"),
      expireMs: () => rules().retryDataExpireMs,
      now: Date.now,
      onTrouble: (err) => log.warn({ err }, "retry records of addresses are not shared for now"),
    });
    const handler = routerHandler({
      raiser,
      retries: new AddressRetries({ records, rules }),
      policy: () => policy.current,
      srsStore: srsStore(() => bus.keyValue(srsBucket)),
      readSpooled: (reference) => bus.spool.read(reference),
      createSpooled: (id) => bus.spool.create(id),
      metrics: routerMetrics(metrics),
      log,
      now: Date.now,
      random: Math.random,
    });
    const items = await bus.consume("route", { concurrency }, handler);
    const frozen = new FrozenMail({ bus, rules, now: Date.now, log });
    log.info({ policyVersion: policy.version, concurrency }, "routing");
    return [
      control,
      {
        name: "policy",
        get policyVersion() {
          return policy.version;
        },
        stop: () => policy.stop(),
      },
      { name: "frozen mail", stop: () => frozen.stop() },
      {
        name: "route items",
        async stop() {
          await items.drain();
          await raiser.stop();
        },
      },
    ];
  },
};
