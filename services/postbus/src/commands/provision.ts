import { parseArgs } from "node:util";
import { connectNatsBus, provisionNats } from "@postbus/bus";
import { ConfigError } from "@postbus/mail";
import { commonSettings, natsConnection, natsDurability, readSettings } from "@postbus/service-kit";
import { Type } from "typebox";
import { UsageError } from "../command.ts";
import { ownVariables } from "../own-variables.ts";

const ProvisionSettings = Type.Pick(Type.Object(commonSettings), [
  "natsUrl",
  "natsMonitorUrl",
  "busDurability",
  "busPrefix",
]);

/**
 * `postbus provision`: the streams and consumers of the fleet. Done again, it changes nothing. At the end it connects
 * as a service does, so that what would keep the fleet from starting is said here.
 */
export async function provision(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { replicas: { type: "string", default: "1" } } });
  if (!/^[135]$/.test(values.replicas)) throw new UsageError(`--replicas ${values.replicas}: must be 1, 3 or 5`);
  const settings = readSettings(ProvisionSettings, ownVariables(ProvisionSettings, process.env));
  const { natsUrl, busPrefix } = settings;
  if (natsUrl === undefined) throw new ConfigError("NATS_URL: is not set; which server?");
  const connection = {
    ...natsConnection(natsUrl, busPrefix),
    onWaiting: (servers: string) => process.stderr.write(`postbus: waiting for the bus at ${servers}\n`),
  };
  const report = await provisionNats({ ...connection, replicas: Number(values.replicas) });
  for (const { name, done } of report) process.stdout.write(`${name} ${done}\n`);
  const bus = await connectNatsBus({ ...connection, ...natsDurability(settings) });
  await bus.close();
  return 0;
}
