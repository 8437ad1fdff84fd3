import type { Bus } from "@postbus/bus";
import { fleetBucket, suspensionBucket } from "@postbus/contracts";
import type { Policy } from "@postbus/policy";
import { AddressRetries, RetryRecords, Suspensions } from "@postbus/queue";
import type { Part } from "@postbus/service-kit";
import type { Logger } from "pino";
import { Replicas } from "./replicas.ts";
import { ReturnedHosts } from "./returned-hosts.ts";
import { HostRates } from "./smtp/host-rates.ts";
import { HostRests } from "./smtp/host-rests.ts";
import type { HostRetriesDeps } from "./smtp/host-retries.ts";
import { Suspended } from "./suspended.ts";

interface HostMemory {
  readonly retries: HostRetriesDeps;
  readonly addresses: AddressRetries;
  readonly suspended: Suspended;
  readonly replicas: Replicas;
  /** In the order in which they were started. */
  readonly parts: readonly Part[];
}

/** What all replicas know together: which hosts have failed, to what nothing is delivered, how many replicas there are. */
export async function startHostMemory(bus: Bus, policy: () => Policy, log: Logger): Promise<HostMemory> {
  const records = new RetryRecords({
    values: bus.keyValue("retry"),
    expireMs: () => policy().queue.retryDataExpireMs,
    now: Date.now,
    onTrouble: (err) => log.warn({ err }, "retry records are not shared for now"),
  });
  const addresses = new AddressRetries({
    records: new RetryRecords({
      values: bus.keyValue("retry"),
      expireMs: () => policy().queue.retryDataExpireMs,
      now: Date.now,
      onTrouble: (err) => log.warn({ err }, "retry records of addresses are not shared for now"),
    }),
    rules: () => policy().queue,
  });
  const replicas = new Replicas({ members: bus.keyValue(fleetBucket), now: Date.now });
  const returned = new ReturnedHosts({ waiting: bus.waiting, log });
  const suspensions = await Suspensions.start({
    values: bus.keyValue(suspensionBucket),
    now: Date.now,
    onKnown: (isSuspended) => returned.started(isSuspended),
    onEnd: (target) => returned.resumed(target, Date.now()),
    onTrouble: (err) => log.warn({ err }, "suspensions cannot be read; those that are known stay in force"),
  });
  const suspended = new Suspended({ suspensions, returned, now: Date.now });
  return {
    retries: {
      ...{ records, messages: addresses, returned, suspensions, suspended, rests: new HostRests() },
      rates: new HostRates(() => replicas.count),
      retryRule: (failure) => policy().retryRule(failure),
      rules: () => policy().queue,
      now: Date.now,
      random: Math.random,
    },
    addresses,
    suspended,
    replicas,
    parts: [
      { name: "replicas", stop: async () => replicas.stop() },
      { name: "returned hosts", stop: () => returned.stop() },
      { name: "suspensions", stop: () => suspensions.stop() },
    ],
  };
}
