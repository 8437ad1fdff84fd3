import { parseArgs } from "node:util";
import { provisionNats } from "@postbus/bus";
import { ConfigError } from "@postbus/mail";
import { commonSettings, natsConnection, readSettings } from "@postbus/service-kit";
import { Type } from "typebox";
import { UsageError } from "../command.ts";
import { ownVariables } from "../own-variables.ts";

const ProvisionSettings = Type.Pick(Type.Object(commonSettings), ["natsUrl", "busPrefix"]);

/** `postbus provision`: the streams and consumers of the fleet. Done again, it changes nothing. */
export async function provision(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { replicas: { type: "string", default: "1" } } });
  if (!/^[135]$/.test(values.replicas)) throw new UsageError(`--replicas ${values.replicas}: must be 1, 3 or 5`);
  const { natsUrl, busPrefix } = readSettings(ProvisionSettings, ownVariables(ProvisionSettings, process.env));
  if (natsUrl === undefined) throw new ConfigError("NATS_URL: is not set; which server?");
  const report = await provisionNats({
    ...natsConnection(natsUrl, busPrefix),
    replicas: Number(values.replicas),
  });
  for (const { name, done } of report) process.stdout.write(`${name} ${done}\n`);
  return 0;
}
