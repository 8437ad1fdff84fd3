import { after } from "node:test";
import { createResolver, parseServers, type Resolver } from "@postbus/dns";
import { type DnsZone, startDnsServer } from "@postbus/testkit";

/**
 * A resolver over a real socket to a name server with this zone. It gives up quickly, for the names that do not answer; where all
 * of them do, it may be patient.
 */
export async function resolverFor(zone: DnsZone, attemptTimeoutMs = 400): Promise<Resolver> {
  const server = await startDnsServer(zone);
  after(() => server.stop());
  return createResolver({ servers: parseServers(server.address), attemptTimeoutMs, deadlineMs: 2 * attemptTimeoutMs });
}
