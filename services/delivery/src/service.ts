import { join } from "node:path";
import type { Bus } from "@postbus/bus";
import { calloutSubject, quotaSubject } from "@postbus/contracts";
import { openResolver } from "@postbus/dns";
import { OutcomeRaiser, PolicyInForce } from "@postbus/policy";
import { type Service, startReloadListener } from "@postbus/service-kit";
import { mailboxDeps } from "./appendfile/mailbox-deps.ts";
import { quotaHandler } from "./appendfile/quota/quota-handler.ts";
import { OnceStore } from "./autoreply/once-store.ts";
import { CalloutCache } from "./callout/callout-cache.ts";
import { calloutHandler } from "./callout/callout-handler.ts";
import { DeliverySettings } from "./config.ts";
import { deliveryHandler } from "./handler.ts";
import { startHostMemory } from "./host-memory.ts";
import { SigningKeys } from "./message/signing/signing-keys.ts";
import { deliveryMetrics } from "./metrics.ts";
import { ProgramPipes } from "./programs/program-pipes.ts";
import { ProgramSlots } from "./programs/program-slots.ts";
import { AddressCache } from "./smtp/address-cache.ts";
import { clientContexts } from "./smtp/client-contexts.ts";
import { ConnectionPool } from "./smtp/connection-pool.ts";
import { HostLeases } from "./smtp/host-leases.ts";

/** Of the grace period, what is left when next hops that have stalled are not waited for any more. */
const HURRY_BEFORE_END_MS = 5_000;

const hostLeases = (bus: Bus, holder: string): HostLeases =>
  new HostLeases({ values: bus.keyValue("serialized"), holder, now: () => performance.now() });

/** router → the next hop or the mailbox; what is left over goes back to router, or to the sender as a bounce. */
export const delivery: Service<typeof DeliverySettings> = {
  name: "delivery",
  settings: DeliverySettings,
  async start({ settings, bus, log, metrics, instance }) {
    const { config: file, macros, data, dnsServers } = settings;
    const policy = await PolicyInForce.start({
      ...{ file, macros, data, log },
      resolver: await openResolver(dnsServers),
      delivery: { runsPrograms: settings.deliveryPrograms > 0 },
      use: (loaded) => loaded,
    });
    const control = await startReloadListener({ bus, service: "delivery", instance, policy });
    const memory = await startHostMemory(bus, () => policy.current, log);
    const contexts = clientContexts(log);
    const pool = new ConnectionPool({
      share: () => memory.replicas.count,
      // On an embedded bus there is nobody else; what a killed process has left must not keep its next one waiting.
      ...(settings.natsUrl === undefined ? {} : { leases: hostLeases(bus, instance) }),
      idleMs: settings.deliveryIdleMs,
      contexts,
    });
    const addresses = new AddressCache();
    const mailboxes = mailboxDeps(bus.spool);
    const raiser = new OutcomeRaiser({ service: "delivery", record: (events) => bus.events.record(events), log });
    const pipes = new ProgramPipes();
    const signingKeys = new SigningKeys(undefined, (text) => log.warn({ text }, "a signing key cannot be read again"));
    const handler = deliveryHandler({
      suspended: memory.suspended,
      retries: memory.addresses,
      raiser,
      policy: () => policy.current,
      readSpooled: (reference) => bus.spool.read(reference),
      createSpooled: (id) => bus.spool.create(id),
      smtp: { pool, addresses, spool: bus.spool, scratch: bus.spool, signingKeys, retries: memory.retries },
      mailboxes,
      programs: { spool: bus.spool, slots: new ProgramSlots(settings.deliveryPrograms), pipes, now: Date.now },
      autoreply: { spool: bus.spool, once: new OnceStore(bus.keyValue("once"), Date.now), now: Date.now },
      metrics: deliveryMetrics(metrics, () => pool.openCount),
      log,
      now: Date.now,
      random: Math.random,
    });
    const callouts = await bus.serve(
      calloutSubject,
      { concurrency: settings.calloutConcurrency },
      calloutHandler({
        policy: () => policy.current,
        record: (lines) => raiser.record(lines),
        addresses,
        contexts,
        cache: new CalloutCache(bus.keyValue("callouts")),
      }),
    );
    const quotas = await bus.serve(
      quotaSubject,
      { concurrency: settings.calloutConcurrency },
      quotaHandler({ policy: () => policy.current, mailboxes }),
    );
    const { deliveryConcurrency: concurrency } = settings;
    const items = await bus.consume("deliver", { concurrency, journal: join(data, "outcomes") }, handler);
    return [
      control,
      {
        name: "policy",
        get policyVersion() {
          return policy.version;
        },
        stop: () => policy.stop(),
      },
      ...memory.parts,
      { name: calloutSubject, stop: () => callouts.drain() },
      { name: quotaSubject, stop: () => quotas.drain() },
      { name: "pipes for programs", stop: () => pipes[Symbol.asyncDispose]() },
      { name: "connections", stop: () => pool.close() },
      {
        name: "delivery items",
        async stop() {
          const patienceMs = Math.max(settings.shutdownGraceMs - HURRY_BEFORE_END_MS, settings.shutdownGraceMs / 2);
          const timer = setTimeout(() => pool.hurry(), patienceMs);
          await items.drain();
          clearTimeout(timer);
          await raiser.stop();
        },
      },
    ];
  },
};
