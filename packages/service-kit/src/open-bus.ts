import { mkdir } from "node:fs/promises";
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
  if (settings.natsUrl === undefined) {
    await makeDataDirectory(settings.data);
    return openEmbeddedBus({ directory: join(settings.data, "bus") });
  }
  return connectNatsBus({
    ...natsConnection(settings.natsUrl, settings.busPrefix),
    ...natsDurability(settings),
    onWaiting: (servers) => log.warn(`waiting for the bus at ${servers}`),
    onProblem: (what, err) => log.warn({ err, what }, "trouble with the bus"),
  });
}

/** Where a parent forbids it, the system's error says so by name; what else may be wrong, the bus looks at itself. */
async function makeDataDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (err) {
    if (err instanceof Error && "code" in err && (err.code === "EACCES" || err.code === "EPERM")) throw err;
  }
}

/** What a process that connects checks: does the server keep what it acknowledges? */
export function natsDurability(settings: Pick<BusSettings, "natsMonitorUrl" | "busDurability">): {
  readonly durability: BusSettings["busDurability"];
  readonly monitorUrl?: string;
} {
  const { natsMonitorUrl: monitorUrl, busDurability: durability } = settings;
  return monitorUrl === undefined ? { durability } : { durability, monitorUrl };
}

/** @param natsUrl Servers of one cluster, comma-separated. */
export function natsConnection(natsUrl: string, prefix: string): { servers: string[]; prefix?: string } {
  const servers = natsUrl.split(",").map((server) => server.trim());
  return prefix === "" ? { servers } : { servers, prefix };
}
