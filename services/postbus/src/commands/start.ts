import { parseArgs } from "node:util";
import { ConfigError } from "@postbus/mail";
import { type Part, runServices, stopSignal } from "@postbus/service-kit";
import { policyEnvironment, policyOptions } from "../policy-options.ts";
import { loadServices } from "../services.ts";

/** `postbus start`: comes back only by the end of the process. */
export async function start(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { ...policyOptions, data: { type: "string" } },
    allowPositionals: true,
  });
  const env = { ...process.env, ...policyEnvironment(values) };
  if (values.data !== undefined) env["POSTBUS_DATA"] = values.data;
  // Before the services are loaded: from here on a signal is a wish to stop in good order.
  const stopping = stopSignal();
  const services = await loadServices(positionals);
  if (positionals.length > 0 && !env["NATS_URL"]) {
    throw new ConfigError(
      `NATS_URL: is not set; ${positionals.join(" and ")} alone need the fleet's bus (without names, all services run on an embedded one)`,
    );
  }
  return runServices(services, { env, logTo: 2, stopping, onReady });
}

/** Exactly one line, which scripts wait for. */
function onReady(parts: readonly Part[]): void {
  process.stdout.write(`${["postbus ready", ...addressesOf(parts)].join(" ")}\n`);
}

/** `smtp=127.0.0.1:2525,[::1]:2525`, one word for each kind of listener. */
export function addressesOf(parts: readonly Part[]): readonly string[] {
  const byName = Map.groupBy(
    parts.filter((part) => part.addresses !== undefined),
    (part) => part.name,
  );
  return [...byName].map(
    ([name, listeners]) => `${name}=${listeners.flatMap((part) => part.addresses ?? []).join(",")}`,
  );
}
