import { ConfigError } from "@postbus/mail";
import { openBus } from "./open-bus.ts";
import { runServices } from "./run-services.ts";
import type { Service } from "./service.ts";

/** One service as a process of the fleet. Its bus is NATS: an embedded bus has nobody else on it. */
export async function runService(service: Service): Promise<never> {
  return runServices([service], {
    openBus: async (settings, log) => {
      if (settings.natsUrl === undefined) {
        throw new ConfigError(
          `NATS_URL: is not set; "${service.name}" on its own needs the fleet's bus ("postbus start" runs all services on an embedded one)`,
        );
      }
      return openBus(settings, log);
    },
  });
}
