import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
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
    await makeDirectories(directory);
  } catch (err) {
    if (codeOf(err) === "EACCES" || codeOf(err) === "EPERM") throw err;
  }
}

/** One by one: Node.js's own way to make several never comes to an end where there can be none, as below `/proc`. */
async function makeDirectories(directory: string): Promise<void> {
  const make = (): Promise<void> => mkdir(directory, { mode: 0o700 });
  try {
    await make();
  } catch (err) {
    if (codeOf(err) === "EEXIST") return;
    if (codeOf(err) !== "ENOENT" || dirname(directory) === directory) throw err;
    await makeDirectories(dirname(directory));
    await make();
  }
}

const codeOf = (err: unknown): unknown => (err instanceof Error && "code" in err ? err.code : undefined);

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
