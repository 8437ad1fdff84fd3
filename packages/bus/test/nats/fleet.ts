import type { TestContext } from "node:test";
import { type NatsOptions, type NatsServer, program, startNats } from "@postbus/testkit";
import { type Bus, connectNatsBus, type NatsBusOptions, provisionNats, type TopologyOptions } from "../../src/index.ts";

/** Small enough for a test's disk; a stream with a bound has its room set aside. */
export const EVENTS_OCTETS = 16 * 1024 ** 2;

export const skip = program("nats-server") === undefined ? "there is no nats-server on this machine" : false;

/** For tests that take minutes: kills by the hundred. */
export const skipLong = skip || (process.env["POSTBUS_LONG_TESTS"] === "1" ? false : "set POSTBUS_LONG_TESTS=1");

export interface Fleet {
  readonly server: NatsServer;
  /** One more process's connection, so to say. */
  connect(more?: Partial<NatsBusOptions>): Promise<Bus>;
  provision(more?: TopologyOptions): Promise<void>;
}

/** A server of its own for tests that kill it, or look at its settings. */
export async function startFleet(
  t: TestContext,
  server: NatsOptions = {},
  topology: TopologyOptions = {},
): Promise<Fleet> {
  const nats = await startNats(server);
  const buses: Bus[] = [];
  t.after(async () => {
    await Promise.all(buses.map((bus) => bus.close()));
    await nats.stop();
  });
  const options = { servers: [nats.url], eventsMaxOctets: EVENTS_OCTETS };
  const provision = async (more: TopologyOptions = {}) => {
    await provisionNats({ ...options, ...topology, ...more });
  };
  await provision();
  return {
    server: nats,
    provision,
    connect: async (more = {}) => {
      const bus = await connectNatsBus({
        ...options,
        monitorUrl: nats.monitorUrl,
        failurePauseMs: 5,
        onProblem: (what, err) => t.diagnostic(`${what}: ${err}`),
        ...more,
      });
      buses.push(bus);
      return bus;
    },
  };
}
