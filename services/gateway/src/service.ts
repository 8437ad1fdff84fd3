import { loadPolicy } from "@postbus/policy";
import type { Service } from "@postbus/service-kit";
import { startGateway } from "./gateway.ts";
import { GatewaySettings } from "./settings.ts";

/** SMTP in: sessions, ACLs, facts while the client waits, and 250 only when the message is on stable storage. */
export const gateway: Service<typeof GatewaySettings> = {
  name: "gateway",
  settings: GatewaySettings,
  async start({ settings, bus, log, metrics }) {
    const policy = await loadPolicy({ file: settings.config, macros: settings.macros, data: settings.data });
    const part = await startGateway({ settings, policy, bus, log, metrics });
    for (const notice of policy.notices) log.warn({ notice }, "policy");
    return [part];
  },
};
