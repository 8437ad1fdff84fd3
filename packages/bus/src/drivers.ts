import type { Bus } from "./bus.ts";
import type { EmbeddedBusOptions } from "./embedded/embedded-bus.ts";
import type { NatsBusOptions } from "./nats/connect-nats-bus.ts";
import type { ConnectionOptions } from "./nats/connection.ts";
import type { ProvisionReport } from "./nats/provision.ts";
import type { TopologyOptions } from "./nats/topology.ts";

// A process uses one driver, and each has a library that takes longer to load than all else of this package.

/** As `embedded/embedded-bus.ts` has it, loaded when it is wanted. */
export async function openEmbeddedBus(options: EmbeddedBusOptions): Promise<Bus> {
  return (await import("./embedded/embedded-bus.ts")).openEmbeddedBus(options);
}

/** As `nats/connect-nats-bus.ts` has it, loaded when it is wanted. */
export async function connectNatsBus(options: NatsBusOptions): Promise<Bus> {
  return (await import("./nats/connect-nats-bus.ts")).connectNatsBus(options);
}

/** As `nats/provision.ts` has it, loaded when it is wanted. */
export async function provisionNats(options: ConnectionOptions & TopologyOptions): Promise<ProvisionReport> {
  return (await import("./nats/provision.ts")).provisionNats(options);
}
