import { join } from "node:path";
import type { Bus } from "@postbus/bus";
import type { Logger } from "pino";
import type { Static, TObject } from "typebox";
import type { commonSettings } from "./common-settings.ts";

type BusSettings = Pick<
  Static<TObject<typeof commonSettings>>,
  "natsUrl" | "natsMonitorUrl" | "busDurability" | "busPrefix" | "data"
>;

/**
 * The fleet's bus where `NATS_URL` names one, else the embedded bus below the data directory.
 *
 * The drivers are loaded here and not at the top: most of what uses this package never opens a bus.
 *
 * @throws {ConfigError} the bus will not do. @throws {DeferError} it is away.
 */
export async function openBus(settings: BusSettings, log: Logger): Promise<Bus> {
  const { connectNatsBus, openEmbeddedBus } = await import("@postbus/bus");
  if (settings.natsUrl === undefined) return openEmbeddedBus({ directory: join(settings.data, "bus") });
  return connectNatsBus({
    ...natsConnection(settings.natsUrl, settings.busPrefix),
    ...(settings.natsMonitorUrl === undefined ? {} : { monitorUrl: settings.natsMonitorUrl }),
    durability: settings.busDurability,
    onProblem: (what, err) => log.warn({ err, what }, "trouble with the bus"),
  });
}

/** @param natsUrl Servers of one cluster, comma-separated. */
export function natsConnection(natsUrl: string, prefix: string): { servers: string[]; prefix?: string } {
  const servers = natsUrl.split(",").map((server) => server.trim());
  return prefix === "" ? { servers } : { servers, prefix };
}
