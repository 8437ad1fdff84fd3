import { nearestName } from "@postbus/mail";
import type { Service, ServiceName } from "@postbus/service-kit";
import { UsageError } from "./command.ts";

/**
 * The services in the order in which they start: who takes mail in comes last, when nothing else can fail to start, and stops first.
 * Each is loaded only when it runs here.
 */
const services: Readonly<Record<ServiceName, () => Promise<Service>>> = {
  logger: async () => (await import("@postbus/logger")).logger,
  verifier: async () => (await import("@postbus/verifier")).verifier,
  scanner: async () => (await import("@postbus/scanner")).scanner,
  delivery: async () => (await import("@postbus/delivery")).delivery,
  router: async () => (await import("@postbus/router")).router,
  status: async () => (await import("@postbus/status")).status,
  gateway: async () => (await import("@postbus/gateway")).gateway,
};

const isServiceName = (name: string): name is ServiceName => Object.hasOwn(services, name);

/**
 * The named services, or all, in starting order whatever the order of the names.
 *
 * @throws {UsageError} for a name that is none.
 */
export async function loadServices(names: readonly string[]): Promise<readonly Service[]> {
  const known = Object.keys(services);
  for (const name of names) {
    if (isServiceName(name)) continue;
    const nearest = nearestName(name, known);
    const hint = nearest === undefined ? `there are ${known.join(", ")}` : `did you mean ${nearest}?`;
    throw new UsageError(`unknown service ${JSON.stringify(name)} (${hint})`);
  }
  const wanted = names.length === 0 ? known : known.filter((name) => names.includes(name));
  return Promise.all(wanted.filter(isServiceName).map((name) => services[name]()));
}
